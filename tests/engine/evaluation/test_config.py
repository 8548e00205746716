# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import json

import pytest

from engine.config import PlacementConfig
from engine.errors import SettingsError
from engine.evaluation.config import EvaluationConfig


def test_the_defaults_are_the_conventions() -> None:
    config = EvaluationConfig()
    assert (config.min_score, config.iou) == (0.25, 0.5)
    assert (config.placement.kind, config.placement.scale, config.placement.rise) == ("object", 0.2, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_score": -0.1}, "minimum score: expected 0 to 1, got -0.1"),
        ({"iou": 1.1}, "IoU: expected 0.01 to 1, got 1.1"),
        ({"batch_size": 0}, "evaluation batch size: expected 1 to 1024, got 0"),
        ({"resamples": -1}, "resamples: expected 0 to 100000, got -1"),
        ({"seed": -1}, "seed: expected 0 to"),
    ],
)
def test_impossible_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        EvaluationConfig(**settings)


def test_settings_outlive_json() -> None:
    settings = EvaluationConfig(iou=0.4, placement=PlacementConfig(kind="fixed", position=(0.1, 0.9)))
    assert EvaluationConfig.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize("changes", [{"placement": {}}, {"colour": 1}, {"placement": {"shape": 1}}])
def test_settings_of_another_version_are_named(changes: dict) -> None:
    with pytest.raises(SettingsError, match="evaluation settings: expected those of this version"):
        EvaluationConfig.from_json(EvaluationConfig().to_json() | changes)
