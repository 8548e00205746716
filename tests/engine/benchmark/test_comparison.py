# SPDX-License-Identifier: AGPL-3.0-only
"""A change is told from noise by the rounds' own spread."""

from __future__ import annotations

import math

import pytest

from engine.benchmark.comparison import changes
from engine.benchmark.timing import median_interval
from engine.records import Interval, Measurement


def measured(samples: list[float], side: str = "step", **settings: object) -> Measurement:
    return Measurement(
        side=side, figure=median_interval(samples), unit="s", settings=settings, samples=tuple(samples)
    )


def without_rounds(value: float, low: float, high: float) -> Measurement:
    return Measurement(side="step", figure=Interval(value=value, low=low, high=high), unit="s")


@pytest.mark.parametrize(
    ("before", "after", "difference", "beyond_noise"),
    [
        (measured([2, 2.1, 1.9, 2, 2.05]), measured([1, 1.1, 0.9, 1, 1.05]), -1.0, True),
        (measured([1, 1.1, 0.9, 1, 1.05]), measured([2, 2.1, 1.9, 2, 2.05]), 1.0, True),
        (measured([1, 2, 3, 4, 5]), measured([2, 3, 4, 1, 5]), 0.0, False),
        (measured([1, 2, 3, 4, 5]), measured([1.5, 2.5, 3.5, 4.5, 5.5]), 0.5, False),
        (without_rounds(1, 0.9, 1.1), without_rounds(2, 1.9, 2.1), 1.0, True),
        (without_rounds(1, 0.5, 1.5), without_rounds(1.4, 0.9, 1.9), 0.4, False),
        (without_rounds(1, 1, 1), without_rounds(2, 2, 2), 1.0, None),
        (measured([1]), measured([2]), 1.0, None),
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
        assert change.difference.low <= difference <= change.difference.high
    written = change.to_json()
    assert (written["side"], written["beyond_noise"]) == ("step", beyond_noise)
    assert (written["low"] is None) is (beyond_noise is None)


def test_only_what_both_measured_is_compared() -> None:
    nan = float("nan")
    undefined = Measurement(side="asr", figure=Interval(value=nan, low=nan, high=nan), unit="share")
    assert changes([], []) == []
    assert changes([measured([1, 2])], [measured([1, 2], "other")]) == []
    assert changes([undefined], [undefined]) == []
    views = [measured([1, 2], view="views"), measured([3, 4], view="whole")]
    found = changes(views, list(reversed(views)))
    assert [change.difference.value for change in found] == [0, 0]
    assert [change.before.settings["view"] for change in found] == ["views", "whole"]


def test_a_share_of_nothing_is_undefined() -> None:
    (change,) = changes([measured([0, 0, 0])], [measured([1, 1, 1])])
    assert change.relative is None
    assert not math.isnan(change.difference.low)


def test_settings_that_are_outcomes_do_not_part_measurements() -> None:
    assert len(changes([measured([1, 2], seconds=1.5)], [measured([1, 2], seconds=1.6)])) == 1
