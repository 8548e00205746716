# SPDX-License-Identifier: AGPL-3.0-only
"""Compares measurements of two versions of the code: the change, and whether it exceeds the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.benchmark.timing import RESAMPLES
from engine.records import Interval, Measurement

FEW_ROUNDS = 4  # with three rounds each, one of ten unchanged figures lies outside the other's samples


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one measurement moved from one run to another.

    Attributes:
        before, after: the same side, unit and settings in both runs.
        difference: after - before with its 95% interval; NaN bounds where neither run tells its noise.
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
            "unit": self.before.unit,
            "settings": self.before.settings,
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

    The difference of the medians is taken over resampled rounds (bootstrap, percentile interval); where a run
    kept no rounds, from the two intervals. Either knows only the noise within the runs, not between days.
    """
    there = {_name(row): row for row in after}
    return [
        Change(before=row, after=there[name], difference=_difference(row, there[name]))
        for row in before
        if (name := _name(row)) in there and _defined(row) and _defined(there[name])
    ]


def _name(row: Measurement) -> tuple[str, str, str]:
    """What a measurement is found by in the other run; settings hold outcomes too, such as seconds."""
    return row.side, row.unit, str(row.settings.get("view", ""))


def _defined(row: Measurement) -> bool:
    return not math.isnan(row.figure.value)


def _difference(before: Measurement, after: Measurement) -> Interval:
    value = after.figure.value - before.figure.value
    samples = [np.array([each for each in row.samples if not math.isnan(each)]) for row in (before, after)]
    if all(len(each) > 1 for each in samples):
        rng = np.random.default_rng(0)
        first, second = (
            np.median(each[rng.integers(len(each), size=(RESAMPLES, len(each)))], axis=1) for each in samples
        )
        low, high = np.percentile(second - first, [2.5, 97.5])
        return Interval(value=value, low=float(low), high=float(high))
    a, b = before.figure, after.figure
    if a.low == a.high and b.low == b.high:
        return Interval(value=value, low=math.nan, high=math.nan)
    down = math.hypot(a.high - a.value, b.value - b.low)
    up = math.hypot(a.value - a.low, b.high - b.value)
    return Interval(value=value, low=value - down, high=value + up)
