# SPDX-License-Identifier: AGPL-3.0-only
"""A trial's name says what it tries, and is read back; other names are not taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.sweeps.trial_names import TrialName, read_trial_name, value_text


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 3},
        {"learning_rate": 0.03, "flip": True, "patch_size": 32},
        {"losses": "object=1+tv=0.1", "optimizer": "sign", "patch_width": 48},
    ],
)
@pytest.mark.parametrize("seed", [None, 0, 7])
def test_a_name_is_read_as_it_was_written(settings: dict[str, Any], seed: int | None) -> None:
    name = TrialName(sweep=1, trial=10, seed=seed, settings=settings)
    assert read_trial_name(str(name)) == name


@pytest.mark.parametrize(
    ("stored", "settings"),
    [
        ("", None),
        ("person · yolov8n · coco128", None),
        ("Sweep 1, trial 2: ", None),
        ("Sweep 1, trial 2: my best", None),
        ("Sweep 1, trial 2: my top_k 3", None),
        ("Sweep 1, trial 2: top_k 99999", {"top_k": "99999"}),  # a value that no longer fits
        ("Sweep 1, trial 2: initial a, b.png, top_k 3", {"initial": "a, b.png", "top_k": 3}),
        ("Sweep 1, trial 2: top_k 3 · demo · streets", {"top_k": "3 · demo · streets"}),
    ],
)
def test_what_a_stored_name_says(stored: str, settings: dict[str, Any] | None) -> None:
    found = read_trial_name(stored)
    assert (None if found is None else found.settings) == settings


@pytest.mark.parametrize(
    ("value", "text"), [(True, "on"), (False, "off"), (0.5, "0.5"), (32, "32"), ("object=1", "object=1")]
)
def test_values_in_few_characters(value: Any, text: str) -> None:
    assert value_text(value) == text
