# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a defence's training."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import DefenceTrainingConfig
from engine.errors import SettingsError


def test_the_dataset_suffices() -> None:
    config = DefenceTrainingConfig(dataset="demo")
    assert (config.classes, config.patches, config.time_limit_s) == ((), (), 600)
    assert DefenceTrainingConfig.from_json(config.to_json()) == config


def test_names_are_told_once() -> None:
    config = DefenceTrainingConfig(dataset="demo", classes="person", patches=["a", "a", " b "])
    assert (config.classes, config.patches) == (("person",), ("a", "b"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"classes": ("",)}, "class: expected the name of a class, got none"),
        ({"patches": (" ",)}, "patches: expected a file or a folder, got none"),
        ({"view_size": 100}, "view size: expected a multiple of 32, got 100; use 96"),
        ({"view_size": 32}, "view size: expected 64 to 4096, got 32"),
        ({"clean_share": 1.0}, "clean share: expected 0 to 0.9, got 1"),
        ({"validation_share": 0.0}, "validation share: expected 0.01 to 0.9, got 0"),
        ({"learning_rate": 0.0}, "learning rate: expected 1e-06 to 1, got 0"),
        ({"time_limit_s": -1.0}, "time limit: expected 0 to"),
    ],
)
def test_what_cannot_be_is_one_line(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        DefenceTrainingConfig(**{"dataset": "demo"} | changes)
