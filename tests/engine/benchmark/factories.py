# SPDX-License-Identifier: AGPL-3.0-only
"""Hand-made measurements, for answers, and a look at all rows of a suite's parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.suite import Part
from engine.records import Interval, Measurement


def row(
    side: str, value: float, unit: str, *, noise: float = 0.0, claimed: float | None = None, **settings: Any
) -> Measurement:
    """A figure with an interval of `noise` to either side."""
    figure = Interval(value=value, low=value - noise, high=value + noise)
    return Measurement(side=side, figure=figure, unit=unit, settings=settings, claimed=claimed)


def scores(noise: float = 0.0, /, **asr: float) -> list[Measurement]:
    """ASR of each side (underscores stand for spaces), with that noise."""
    return [
        row(side.replace("_", " "), value, "ASR", noise=noise, seconds=5.0) for side, value in asr.items()
    ]


def measured(parts: Sequence[Part], suite: str = "") -> list[Measurement]:
    """The rows of all parts that a CPU can do; each part tells what it does and measures something.

    If they are a whole suite's, each of its charts has something to draw.
    """
    rows: list[Measurement] = []
    for part in parts:
        if not part.needs:
            lines: list[str] = []
            found = part.measure(lines.append)
            assert found, part.key
            assert lines, part.key
            rows += found
    assert len({part.key for part in parts}) == len(parts)
    for chart in CATALOGUE[suite].charts if suite else ():
        drawn = [row for row in rows if row.unit == chart.unit]
        assert any(chart.x == "side" or chart.x in row.settings for row in drawn), chart
    return rows


def sides(rows: Sequence[Measurement], unit: str) -> list[str]:
    return [each.side for each in rows if each.unit == unit]
