# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep is asked for: what it refuses, what it holds out, and the settings of its trials."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.sweeps.config import VALIDATION_SHARE, SweepRequest


def request(vary: tuple[str, ...] = ("top_k=1,5",), *, config: Any = None, **more: Any) -> SweepRequest:
    return SweepRequest(config=RunConfig(dataset="demo", weights="demo", **(config or {})), vary=vary, **more)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": ()}, "vary: expected at least one setting, got none; add --vary learning_rate"),
        (
            {"vary": ("dataset=a,b",)},
            "vary: expected a setting with one value that may differ between trials, got dataset",
        ),
        ({"objective": "beauty"}, "objective: expected one of ap50, asr, images_per_s, smooth, got 'beauty'"),
        ({"trials": 0}, "trials: expected 1 to 10000, got 0"),
        ({"sampler": "grid", "vary": ("top_k=1..5",)}, "grid: expected a list of values for top_k"),
        ({"prune": "median", "objective": "images_per_s"}, "prune: expected an objective that is validated"),
        ({"config": {"merge": "mean"}}, "sweep: expected the native backend and one shared patch"),
        ({"config": {"seed": 2**32 - 1}, "seeds": 2}, "seeds: expected seeds up to 4294967295"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        request(**changes)


@pytest.mark.parametrize(
    ("given", "objective", "held_out"),
    [
        (0.0, "asr", VALIDATION_SHARE),
        (0.2, "asr", 0.2),
        (0.0, "smooth", VALIDATION_SHARE),
        (0.0, "images_per_s", 0.0),
    ],
)
def test_images_are_held_out_where_they_decide(given: float, objective: str, held_out: float) -> None:
    asked = request(config={"validation_share": given}, objective=objective)
    assert asked.config.validation_share == held_out
    assert SweepRequest.from_json(asked.to_json()) == asked


def test_there_are_no_more_trials_than_combinations() -> None:
    assert request(trials=20).total == 2
    assert request(trials=1).total == 1
    assert request(("top_k=1..5",), trials=20).total == 20


def test_a_trial_has_its_settings_and_each_of_its_runs_a_seed() -> None:
    asked = request(("top_k=1,5", "losses=object,overlap+tv=0.5"), config={"seed": 7, "iterations": 3})
    made = asked.of_trial({"top_k": 5, "losses": "overlap=1+tv=0.5"}, 2)
    assert (made.seed, made.top_k, made.losses, made.iterations) == (9, 5, {"overlap": 1.0, "tv": 0.5}, 3)


def test_settings_that_cannot_be_combined_are_named() -> None:
    asked = request(("batch_start=0,8", "batch_size=2,16"))
    with pytest.raises(SettingsError, match="initial batch size"):
        asked.of_trial({"batch_start": 8, "batch_size": 2}, 0)
