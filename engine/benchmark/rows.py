# SPDX-License-Identifier: AGPL-3.0-only
"""Measurements: made of samples, found again, and put into words that know what noise is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.benchmark.said import Said, listed, said
from engine.benchmark.timing import median_interval
from engine.records import Interval, Measurement

RATE = "image-iterations/s"
NO_DIFFERENCE = said("no difference beyond noise")
UNDEFINED = Interval(value=math.nan, low=math.nan, high=math.nan)


def exact_row(
    side: str, value: float, unit: str, claimed: float | None = None, **settings: Any
) -> Measurement:
    """A figure without noise, or measured once: its interval has no width."""
    figure = Interval(value=value, low=value, high=value)
    return Measurement(
        side=side, figure=figure, unit=unit, settings=settings, claimed=claimed, samples=(value,)
    )


def median_row(
    side: str, samples: Sequence[float], unit: str, claimed: float | None = None, **settings: Any
) -> Measurement:
    """The median of the rounds' figures, with the rounds kept; undefined ones (NaN) are left out."""
    defined = tuple(sample for sample in samples if not math.isnan(sample))
    figure = median_interval(defined) if defined else UNDEFINED
    return Measurement(
        side=side, figure=figure, unit=unit, settings=settings, claimed=claimed, samples=defined
    )


def ratio_row(
    side: str,
    first: Sequence[float],
    second: Sequence[float],
    unit: str = "times",
    claimed: float | None = None,
    **settings: Any,
) -> Measurement:
    """The median over rounds of first / second; the figures of one round belong together."""
    ratios = [a / b for a, b in zip(first, second, strict=True)]
    return median_row(side, ratios, unit, claimed, **settings)


def rate_rows(
    figures: Mapping[str, Sequence[float]], settings: Mapping[str, Mapping[str, Any]]
) -> list[Measurement]:
    """Side → rates of the rounds as rows; `settings` has what each side was measured with."""
    return [median_row(side, samples, RATE, **settings.get(side, {})) for side, samples in figures.items()]


def row_of(rows: Sequence[Measurement], side: str, unit: str) -> Measurement | None:
    """The row of that side and unit, None where it was not measured."""
    return next((row for row in rows if (row.side, row.unit) == (side, unit)), None)


def figures_of(rows: Sequence[Measurement], unit: str) -> dict[str, Interval]:
    """Side → figure of all rows of a unit that are defined, in order."""
    return {row.side: row.figure for row in rows if row.unit == unit and not math.isnan(row.figure.value)}


def apart(first: Interval, second: Interval) -> bool:
    """Whether two figures differ beyond noise: their intervals do not overlap."""
    return first.low > second.high or second.low > first.high


def best_of(figures: Mapping[str, Interval], noun: str | Said) -> Said:
    """Which side has the highest figure, and whether that is more than noise.

    Args:
        figures: side → figure.
        noun: what the figures are, such as `ASR`.

    Returns:
        A clause such as `uniform has the highest ASR, 0.41, …`; no full stop.
    """
    if not figures:
        return said("no {noun} could be measured", noun=noun)
    ranked = sorted(figures, key=lambda side: -figures[side].value)
    each = {side: said("{side} {value:.3g}", side=side, value=figures[side].value) for side in ranked}
    best, rest = ranked[0], ranked[1:]
    tied = [side for side in rest if not apart(figures[best], figures[side])]
    if rest and len(tied) == len(rest):
        sides = listed(each.values(), ", ")
        return said(
            "{no_difference} in {noun} ({sides})", no_difference=NO_DIFFERENCE, noun=noun, sides=sides
        )
    clause = said(
        "{side} has the highest {noun}, {value:.3g}", side=best, noun=noun, value=figures[best].value
    )
    if not rest:
        return clause
    others = listed([each[side] for side in rest], ", ")
    if not tied:
        return said("{clause} ({others})", clause=clause, others=others)
    return said(
        "{clause} ({others}), {no_difference} to {tied}",
        clause=clause,
        others=others,
        no_difference=NO_DIFFERENCE,
        tied=listed(tied, ", "),
    )


def times(ratio: Interval) -> Said:
    """A ratio in words: `1.40 times`, with a note where noise hides whether it is 1."""
    if ratio.low <= 1 <= ratio.high:
        return said("{ratio:.2f} times ({no_difference})", ratio=ratio.value, no_difference=NO_DIFFERENCE)
    return said("{ratio:.2f} times", ratio=ratio.value)


def compared(measured: Interval, claimed: float, unit: str | Said = "") -> Said:
    """How a figure stands to what is claimed: `above`, `below`, or `within noise of` it."""
    if measured.low <= claimed <= measured.high:
        return said("within noise of the claimed {claimed:g}{unit}", claimed=claimed, unit=unit)
    if measured.value > claimed:
        return said("above the claimed {claimed:g}{unit}", claimed=claimed, unit=unit)
    return said("below the claimed {claimed:g}{unit}", claimed=claimed, unit=unit)
