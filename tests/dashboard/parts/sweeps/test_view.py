# SPDX-License-Identifier: AGPL-3.0-only
"""A sweep in rows, axes and figures; the rest is tested through the page."""

from __future__ import annotations

import pytest

from dashboard.parts.sweeps.view import axes_of, figures, trial_rows
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from tests.dashboard.homes import add_sweep


def made(trials: int) -> Sweep:
    with Repository() as repository:
        return add_sweep(repository, trials=trials)


@pytest.mark.parametrize(
    ("trials", "drawn"), [(0, []), (1, ["trials"]), (3, ["trials", "parallel"]), (8, 3 * [""])]
)
def test_what_there_is_to_draw(trials: int, drawn: list[str]) -> None:
    sweep = made(trials)
    assert len(figures(sweep)) == len(drawn)
    assert len(trial_rows(sweep)) == trials


def test_what_is_the_same_in_all_trials_has_no_axis() -> None:
    sweep = made(2)
    trial = sweep.trials[0]
    assert [axis.name for axis in axes_of(sweep, [trial, trial])] == ["ASR"]


def test_a_list_that_spans_much_lies_on_a_logarithmic_axis() -> None:
    sweep = made(12)
    axis = next(
        each
        for each in axes_of(sweep, list(sweep.trials)[:2] + list(sweep.trials)[5:])
        if each.name == "Batch size"
    )
    assert sorted(axis.ticks) == pytest.approx([0, 0.5, 1])
