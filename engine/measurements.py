# SPDX-License-Identifier: AGPL-3.0-only
"""Dataclasses of measurements: a figure with its interval, a measurement, a comparison, a benchmark's run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BENCHMARK_STATES = ("running", "finished", "interrupted")
WIDE = 20  # on a linear axis, the smaller ones lie on the axis
OUTCOMES = ("confirmed", "larger", "smaller", "refuted", "none", "undecided")
Axes = dict[str, Any]
"""What tells a side from others: setting → value, such as `{"batching": "ragged", "batch_size": 8}`."""


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
    """One measured figure of a benchmark.

    Attributes:
        side: what was measured.
        metric: what the figure is, which is also its unit; a key of `engine.benchmark.wording.METRICS`.
        figure: the median over rounds with its 95% interval (a single figure has no width).
        facts: what else is known, such as the seconds that a run took.
        samples: the figures of individual rounds, for comparisons over time.
    """

    side: Axes
    metric: str
    figure: Interval
    facts: dict[str, Any] = field(default_factory=dict)
    samples: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries for `json_text`."""
        value, low, high = self.figure.to_json()
        return {
            "side": self.side,
            "metric": self.metric,
            "value": value,
            "low": low,
            "high": high,
            "facts": self.facts,
            "samples": list(self.samples),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Measurement:
        """The measurement that `to_json` gave."""
        value, low, high = _numbers(content[name] for name in ("value", "low", "high"))
        return cls(
            side=content["side"],
            metric=content["metric"],
            figure=Interval(value=value, low=low, high=high),
            facts=content["facts"],
            samples=_numbers(content["samples"]),
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How one side of a benchmark compares with another.

    Attributes:
        side, reference: what is compared.
        metric: by which figure.
        unit: of the effect: `times` (side / reference), `share` (the same, of something small), or
            `difference` (side - reference).
        effect: with its 95% interval.
        claim: the claim of the suite that it tests; empty where it only stands beside one that does.
        claimed: lowest and highest effect that the field claims, None without a number.
        outcome: one of `OUTCOMES`; empty without a claim.
        needs: what more it would take to decide an undecided one, each alone: what → how many more.
    """

    side: Axes
    reference: Axes
    metric: str
    unit: str
    effect: Interval
    claim: str = ""
    claimed: tuple[float, float] | None = None
    outcome: str = ""
    needs: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries for `json_text`; None for an undefined or unbounded number."""
        claimed = None if self.claimed is None else [x if math.isfinite(x) else None for x in self.claimed]
        return {**vars(self), "effect": self.effect.to_json(), "claimed": claimed}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Comparison:
        """The comparison that `to_json` gave."""
        value, low, high = _numbers(content["effect"])
        claimed = content["claimed"]
        if claimed is not None:
            claimed = tuple(
                infinite if bound is None else bound
                for bound, infinite in zip(claimed, (-math.inf, math.inf), strict=True)
            )
        return cls(**{**content, "effect": Interval(value=value, low=low, high=high), "claimed": claimed})


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
        answer: what it found, in at most fifteen words of English; None until it ends.
        measurements, comparisons: in the order of the parts; empty in lists.
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
    comparisons: tuple[Comparison, ...] = ()


def spans_orders(values: Iterable[float]) -> bool:
    """Whether positive figures span so wide a range that they need a logarithmic axis."""
    figures = list(values)
    return bool(figures) and min(figures) > 0 and max(figures) > WIDE * min(figures)


def _numbers(read: Iterable[float | None]) -> tuple[float, ...]:
    """Numbers as JSON has them, with NaN for null."""
    return tuple(math.nan if number is None else number for number in read)
