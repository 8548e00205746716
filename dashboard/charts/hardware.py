# SPDX-License-Identifier: AGPL-3.0-only
"""The history of the machine's load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.lines import framed, number, pointed_at
from dashboard.charts.theme import COLOURS, colour, thick

DASHES = ([1, 0], [8, 4], [2, 3], [8, 3, 2, 3])  # a second sign beside colour


def load_rows(
    ages: Sequence[float], series: Mapping[str, Sequence[float | None]]
) -> dict[str, list[float | str | None]]:
    """The samples in the columns `age`, `name` and `load`, for `load_spec`.

    Args:
        ages: when each sample was taken, rising, in the unit of `load_spec`'s axis.
        series: name → percentages, 0 to 100, None where a value could not be read; as many as `ages`.
    """
    rows = [
        (age, name, load) for name, loads in series.items() for age, load in zip(ages, loads, strict=True)
    ]
    return {column: [row[at] for row in rows] for at, column in enumerate(("age", "name", "load"))}


def load_spec(
    names: Sequence[str],
    *,
    title: str,
    x_title: str,
    span: tuple[float, float],
    dark: bool = False,
    large: bool = False,
) -> dict[str, Any]:
    """Lines over a stretch of time; the same as long as its arguments are, whatever the samples.

    Args:
        names: of the series.
        title, x_title: in the session's language.
        span: the ends of the axis below.
    """
    ages = number("age", x_title, scale={"domain": list(span)}, axis={"grid": False, "tickCount": 6})
    side_by_side = [{"pivot": "name", "value": "load", "groupby": ["age"]}]
    shown = [("age", x_title, ",.1~f"), *((name, name, ".0f") for name in names)]
    return framed(
        {
            "encoding": {"x": ages},
            "layer": [_lines(names, large), {"transform": side_by_side} | pointed_at(shown, dark=dark)],
        },
        title=title,
        height=270,
        dark=dark,
        large=large,
    )


def _lines(names: Sequence[str], large: bool) -> dict[str, Any]:
    colours = [colour(index) for index in range(len(names))]
    dashes = [DASHES[index // len(COLOURS) % len(DASHES)] for index in range(len(names))]
    names_only = {"field": "name", "type": "nominal", "title": None}
    percents = {"values": [0, 20, 40, 60, 80, 100], "labelExpr": "datum.value + '%'"}
    return {
        "mark": {"type": "line", "strokeWidth": thick(large), "clip": True},
        "encoding": {
            "y": number(
                "load", scale={"domain": [0, 103]}, axis=percents
            ),  # a line at 100 is not cut in half
            "color": names_only | {"scale": {"domain": list(names), "range": colours}},
            "strokeDash": names_only | {"scale": {"domain": list(names), "range": dashes}},
        },
    }
