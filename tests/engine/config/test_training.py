# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a training, and what they share with those of a run."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import RunConfig, TrainingConfig
from engine.errors import SettingsError
from engine.settings import declared

LEAST = {"dataset": "blocks", "weights": "demo"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": ""}, "strategy: expected one of head, scratch, whole, got ''"),
        ({"classes": ("person", " ")}, "class: expected the name of a class, got none; name one"),
        ({"epochs": 0}, "epochs: expected 1 to 100000, got 0"),
        ({"batch_size": 0}, "batch size: expected 1 to 4096, got 0"),
        ({"image_size": 32}, "image size: expected 64 to 4096, got 32"),
        ({"image_size": 330}, "image size: expected a multiple of 32, got 330; use 320"),
        ({"optimizer": "adam"}, "optimizer: expected one of adamw, sgd, got 'adam'"),
        ({"validation_share": 1}, "validation share: expected 0 to 0.9, got 1"),
        ({"early_stop": 3, "validation_share": 0.0}, "early stop: expected a validation share above 0"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainingConfig(**LEAST | settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "classes"),
    [((), ()), ("person", ("person",)), (["car", " car ", "person"], ("car", "person"))],
)
def test_classes_have_one_form(given: Any, classes: tuple[str, ...]) -> None:
    config = TrainingConfig(**LEAST, classes=given)
    assert config.classes == classes
    assert TrainingConfig.from_json(config.to_json()) == config


def test_what_runs_have_too_is_declared_there() -> None:
    own, runs = declared(TrainingConfig), declared(RunConfig)
    for name in ("dataset", "device", "image_size", "max_images", "seed", "time_limit_s", "precision"):
        assert own[name].label == runs[name].label
        assert own[name].flag == runs[name].flag
    assert own["batch_size"].default == 8
