# SPDX-License-Identifier: AGPL-3.0-only
"""Plain dataclasses of what was measured: a figure with its interval, a measurement, a benchmark's run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BENCHMARK_STATES = ("running", "finished", "interrupted")
WIDE = 100  # on a linear axis, what is a hundredth of the largest is a hairline


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A measured value with its 95% bootstrap interval over images; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_json(self) -> list[float | None]:
        """Value, low and high, None where one is not finite."""
        return [number if math.isfinite(number) else None for number in (self.value, self.low, self.high)]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row of a benchmark: what one side reached, or how two sides compare.

    Attributes:
        side: what was measured.
        figure: the median over rounds with its 95% interval (a single figure has no width).
        unit: of the figure.
        settings: what the side was measured with, where it differs from the suite's.
        claimed: what the field says of it, where it names a number.
        samples: the figures of the single rounds, for comparisons over time.
    """

    side: str
    figure: Interval
    unit: str
    settings: dict[str, Any] = field(default_factory=dict)
    claimed: float | None = None
    samples: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, as `json_text` takes them."""
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
        state: one of `BENCHMARK_STATES`; an interrupted one can go on.
        attempt: how many times it was begun.
        machine: the device's model.
        settings: what it was asked for: the run's `config`, and `seconds` if given.
        facts: `dataset` (name, images, synthetic) and `machine` (the hardware snapshot with its versions).
        left_out: keys of the parts that this device cannot do.
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
    """Whether figures above 0 lie so far apart that only a logarithmic axis shows all of them."""
    found = list(values)
    return bool(found) and min(found) > 0 and max(found) > WIDE * min(found)
