# SPDX-License-Identifier: AGPL-3.0-only
"""Compares measurements of two versions of the code: the change, and whether it exceeds the noise.

A list of figures is read for the one that changed, so an unchanged figure should be flagged once in a hundred
lists' lines at most: intervals are of 99%, and allow for what differs between two runs of the same code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.json_text import key_text
from engine.measurements import Interval, Measurement

CONFIDENCE = 0.99
BETWEEN_RUNS = 0.03
"""Standard deviation of a speed between two processes, as a share: caches, clocks and neighbours differ."""
MEDIAN = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for many normal figures; of few, it is a little less."""

_TIMED = ("image-iterations/s", "images/s", "s", "s/image", "bytes")
_NORMAL_95, _NORMAL_99 = 1.96, 2.576


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one measurement moved from one run to another.

    Attributes:
        before, after: the same side and metric in both runs.
        difference: after - before with its 99% interval; NaN bounds where neither run tells its noise.
    """

    before: Measurement
    after: Measurement
    difference: Interval

    @property
    def relative(self) -> float | None:
        """The difference as a share of what was before; None where that is 0."""
        value = self.before.figure.value
        return self.difference.value / abs(value) if value else None

    @property
    def beyond_noise(self) -> bool | None:
        """Whether the interval excludes no change; None where the noise is unknown."""
        low, high = self.difference.low, self.difference.high
        return None if math.isnan(low) else bool(low > 0 or high < 0)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, as `json_text` takes them."""
        value, low, high = self.difference.to_json()
        return {
            "side": self.before.side,
            "metric": self.before.metric,
            "before": self.before.figure.to_json(),
            "after": self.after.figure.to_json(),
            "difference": value,
            "low": low,
            "high": high,
            "relative": self.relative,
            "beyond_noise": self.beyond_noise,
        }


def changes(before: Sequence[Measurement], after: Sequence[Measurement]) -> list[Change]:
    """The changes of all measurements that both runs have and that are defined in both.

    Where the runs kept their rounds, the interval is Welch's (1947) for the difference of means, widened by
    `MEDIAN` for that of medians; elsewhere it follows from the two intervals. That of a speed, a time or a
    memory is widened by `BETWEEN_RUNS`.
    """
    there = {_key(row): row for row in after}
    return [
        Change(before=row, after=there[key], difference=_difference(row, there[key]))
        for row in before
        if (key := _key(row)) in there and _defined(row) and _defined(there[key])
    ]


def _key(row: Measurement) -> tuple[str, str]:
    """What a measurement is found by in the other run."""
    return key_text(row.side), row.metric


def _defined(row: Measurement) -> bool:
    return not math.isnan(row.figure.value)


def _difference(before: Measurement, after: Measurement) -> Interval:
    value = after.figure.value - before.figure.value
    within = _within_runs(before, after)
    if within is None:
        return Interval(value=value, low=math.nan, high=math.nan)
    between = 0.0
    if before.metric in _TIMED:
        between = _NORMAL_99 * BETWEEN_RUNS * math.hypot(before.figure.value, after.figure.value)
    down, up = (math.hypot(distance, between) for distance in within)
    return Interval(value=value, low=value - down, high=value + up)


def _within_runs(before: Measurement, after: Measurement) -> tuple[float, float] | None:
    """How far the difference may lie lower and higher for the noise within the runs; None if not known."""
    from scipy.special import stdtrit  # Student's t; loaded late, as the dashboard imports this module

    samples = [np.array(row.samples) for row in (before, after)]
    if all(len(each) > 1 for each in samples):
        parts = [each.var(ddof=1) / len(each) for each in samples]
        variance = sum(parts)
        if not variance:
            return 0.0, 0.0
        freedom = variance**2 / sum(p**2 / (len(each) - 1) for p, each in zip(parts, samples, strict=True))
        distance = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * MEDIAN * math.sqrt(variance)
        return distance, distance
    a, b = before.figure, after.figure
    if a.low == a.high and b.low == b.high:
        return (0.0, 0.0) if before.metric == "bytes" else None
    wider = _NORMAL_99 / _NORMAL_95
    down = wider * math.hypot(a.high - a.value, b.value - b.low)
    return down, wider * math.hypot(a.value - a.low, b.high - b.value)
