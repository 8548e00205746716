# SPDX-License-Identifier: AGPL-3.0-only
"""A change is told from noise, of the rounds and between two runs of the same code."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from engine.benchmark.changes import BETWEEN_RUNS, Change, changes
from engine.measurements import Measurement
from tests.engine.benchmark.factories import interval

UNTIMED = "AP50"
TRIALS = 2000


def measured(samples: Any, metric: str = UNTIMED, **side: object) -> Measurement:
    figure = interval(float(np.median(samples)))
    return Measurement(side=side or {"of": "step"}, figure=figure, metric=metric, samples=tuple(samples))


def without_rounds(value: float, low: float, high: float, metric: str = UNTIMED) -> Measurement:
    return Measurement(side={"of": "step"}, figure=interval(value, low, high), metric=metric)


@pytest.mark.parametrize(
    ("before", "after", "difference", "beyond_noise"),
    [
        (measured([2, 2.1, 1.9, 2, 2.05]), measured([1, 1.1, 0.9, 1, 1.05]), -1.0, True),
        (measured([1, 1.1, 0.9, 1, 1.05]), measured([2, 2.1, 1.9, 2, 2.05]), 1.0, True),
        (measured([1, 2, 3, 4, 5]), measured([2, 3, 4, 1, 5]), 0.0, False),
        (measured([1, 2, 3, 4, 5]), measured([1.5, 2.5, 3.5, 4.5, 5.5]), 0.5, False),
        (measured([1, 1, 1]), measured([2, 2, 2]), 1.0, True),
        (without_rounds(1, 0.9, 1.1), without_rounds(2, 1.9, 2.1), 1.0, True),
        (without_rounds(1, 0.5, 1.5), without_rounds(1.4, 0.9, 1.9), 0.4, False),
        (without_rounds(1, 1, 1), without_rounds(2, 2, 2), 1.0, None),
        (measured([1]), measured([2]), 1.0, None),
        # Speeds and times differ between two runs of the same code, of which one of the rounds tells nothing.
        (measured([1, 1, 1], "s"), measured([1.05, 1.05, 1.05], "s"), 0.05, False),
        (measured([1, 1, 1], "s"), measured([1.3, 1.3, 1.3], "s"), 0.3, True),
        (measured([1, 1, 1]), measured([1.05, 1.05, 1.05]), 0.05, True),
        (measured([1], "s"), measured([2], "s"), 1.0, None),
        # A memory is measured once.
        (measured([1e9], "bytes"), measured([1.05e9], "bytes"), 0.05e9, False),
        (measured([1e9], "bytes"), measured([2e9], "bytes"), 1e9, True),
    ],
)
def test_a_change_beyond_noise(
    before: Measurement, after: Measurement, difference: float, beyond_noise: bool | None
) -> None:
    (change,) = changes([before], [after])
    assert change.difference.value == pytest.approx(difference)
    assert change.beyond_noise is beyond_noise
    assert change.relative == pytest.approx(difference / before.figure.value)
    if beyond_noise is not None:
        assert change.difference.low <= change.difference.value <= change.difference.high
    written = change.to_json()
    assert (written["side"], written["metric"]) == ({"of": "step"}, before.metric)
    assert written["beyond_noise"] is beyond_noise
    assert (written["low"] is None) is (beyond_noise is None)


def test_only_what_both_measured_is_compared() -> None:
    undefined = without_rounds(math.nan, math.nan, math.nan)
    assert changes([], []) == []
    assert changes([measured([1, 2])], [measured([1, 2], of="other")]) == []
    assert changes([measured([1, 2])], [measured([1, 2], "s")]) == []
    assert changes([undefined], [undefined]) == []
    assert changes([measured([1, 2])], [undefined]) == []


def test_measurements_are_found_by_their_side_in_any_order() -> None:
    first, second = measured([1, 2], of="step", view="views"), measured([3, 4], of="step", view="whole")
    turned = measured([1, 2], view="views", of="step")
    found = changes([first, second], [second, turned])
    assert [change.difference.value for change in found] == [0, 0]
    assert [change.before.side["view"] for change in found] == ["views", "whole"]


def test_a_share_of_nothing_is_undefined() -> None:
    (change,) = changes([measured([0, 0, 0])], [measured([1, 1, 1])])
    assert change.relative is None
    assert not math.isnan(change.difference.low)


def flagged(rounds: int, *, within: float, between: float = BETWEEN_RUNS, factor: float = 1.0) -> float:
    """The share of simulated changes of a speed that are taken for more than noise.

    Args:
        rounds: of each run.
        within, between: standard deviations of rounds and of runs, as shares.
        factor: what the second run's speed is multiplied by.
    """
    rng = np.random.default_rng(rounds)
    speeds = rng.normal(100, 100 * between, (2, TRIALS, 1)) + rng.normal(0, 100 * within, (2, TRIALS, rounds))
    metric = "images/s" if between else UNTIMED
    before, after = (
        [measured(each, metric, trial=number) for number, each in enumerate(run)]
        for run in (speeds[0], factor * speeds[1])
    )
    found: list[Change] = changes(before, after)
    assert len(found) == TRIALS
    return sum(bool(change.beyond_noise) for change in found) / TRIALS


@pytest.mark.parametrize("rounds", [3, 7, 11])
def test_one_unchanged_figure_in_a_hundred_is_flagged_at_most(rounds: int) -> None:
    most = 0.01 + 2 * math.sqrt(0.01 * 0.99 / TRIALS)  # as closely as so many trials tell it
    assert flagged(rounds, within=0.03) <= most
    assert flagged(rounds, within=0.03, between=0) <= most


def test_a_change_by_a_third_is_flagged() -> None:
    assert flagged(7, within=0.03, factor=1.3) > 0.95
    assert flagged(7, within=0.03, factor=0.7) > 0.95


def test_importing_it_loads_no_scipy() -> None:
    program = "import sys, engine.benchmark.changes; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
