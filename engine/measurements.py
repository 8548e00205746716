# SPDX-License-Identifier: AGPL-3.0-only
"""Dataclasses of measurements: a figure with its interval, a measurement, a benchmark's run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BENCHMARK_STATES = ("running", "finished", "interrupted")
WIDE = 100  # on a linear axis, bars of a hundredth of the largest are hairlines


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A measured value with its 95% bootstrap interval over images; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_json(self) -> list[float | None]:
        """Value, low and high; None for non-finite ones."""
        return [number if math.isfinite(number) else None for number in (self.value, self.low, self.high)]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row of a benchmark: the figure of one side, or the comparison of two sides.

    Attributes:
        side: name of the measured side or comparison.
        figure: the median over rounds with its 95% interval (a single figure has no width).
        unit: of the figure.
        settings: the side's settings that differ from the suite's.
        claimed: the value claimed in the literature, if any.
        samples: the figures of individual rounds, for comparisons over time.
    """

    side: str
    figure: Interval
    unit: str
    settings: dict[str, Any] = field(default_factory=dict)
    claimed: float | None = None
    samples: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries for `json_text`."""
        value, low, high = self.figure.to_json()
        return {
            "side": self.side,
            "value": value,
            "low": low,
            "high": high,
            "unit": self.unit,
            "settings": self.settings,
            "claimed": self.claimed,
            "samples": list(self.samples),
        }


@dataclass(frozen=True, kw_only=True)
class BenchmarkRun:
    """One run of a benchmark suite. Times are Unix seconds.

    Attributes:
        state: one of `BENCHMARK_STATES`; an interrupted run can be resumed.
        attempt: number of starts.
        machine: the device's model.
        settings: the run's `config`, and `seconds` if given.
        facts: `dataset` (name, images, synthetic) and `machine` (the hardware snapshot with its versions).
        left_out: keys of the parts that the device does not support.
        measurements: in the order of the parts; empty in lists.
    """

    id: int
    suite: str
    scale: str
    state: str
    device: str
    machine: str
    detector: str
    dataset: str
    code_version: str
    started_at: float
    settings: dict[str, Any]
    facts: dict[str, Any]
    attempt: int = 1
    finished_at: float | None = None
    answer: str | None = None
    left_out: tuple[str, ...] = ()
    job_id: int | None = None
    measurements: tuple[Measurement, ...] = ()


def spans_orders(values: Iterable[float]) -> bool:
    """Whether positive figures span so wide a range that they need a logarithmic axis."""
    figures = list(values)
    return bool(figures) and min(figures) > 0 and max(figures) > WIDE * min(figures)
