# SPDX-License-Identifier: AGPL-3.0-only
"""The short history of the machine's load, as Vega-Lite: new samples are drawn into it in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.theme import COLOURS, colour, inks

__all__ = ["load_rows", "load_spec"]

FONT = "Source Sans, sans-serif"
DASHES = ([1, 0], [8, 4], [2, 3], [8, 3, 2, 3])  # a second sign beside colour


def load_rows(
    ages_s: Sequence[float], series: Mapping[str, Sequence[float | None]]
) -> dict[str, list[float | str | None]]:
    """The samples in the columns `age`, `name` and `load`, for `load_spec`.

    Args:
        ages_s: seconds before now of each sample, negative, rising to 0.
        series: name → percentages, 0 to 100, None where a value could not be read; as many as `ages_s`.
    """
    rows = [
        (age, name, load) for name, loads in series.items() for age, load in zip(ages_s, loads, strict=True)
    ]
    return {column: [row[at] for row in rows] for at, column in enumerate(("age", "name", "load"))}


def load_spec(
    names: Sequence[str],
    *,
    title: str,
    x_title: str,
    span_s: float,
    dark: bool = False,
    large: bool = False,
) -> dict[str, Any]:
    """Lines over the last minutes; the same as long as its arguments are, whatever the samples.

    Args:
        names: of the series.
        title, x_title: in the session's language.
        span_s: how far back the axis goes, in seconds.
    """
    colours = [colour(index) for index in range(len(names))]
    dashes = [DASHES[index // len(COLOURS) % len(DASHES)] for index in range(len(names))]
    scales = {"domain": list(names)}
    percents = {"values": [0, 20, 40, 60, 80, 100], "labelExpr": "datum.value + ' %'"}
    return {
        "mark": {"type": "line", "strokeWidth": 4 if large else 2, "clip": True, "tooltip": True},
        "encoding": {
            "x": _number("age", x_title, [-span_s, 0], {"grid": False, "tickCount": 6}),
            "y": _number("load", None, [0, 103], percents),  # a line at 100 is not cut in half
            "color": {
                "field": "name",
                "type": "nominal",
                "scale": scales | {"range": colours},
                "title": None,
            },
            "strokeDash": {"field": "name", "type": "nominal", "scale": scales | {"range": dashes}},
        },
        "title": title,
        "height": 400 if large else 270,
        "config": _house(dark, 19 if large else 13),
    }


def _number(field: str, title: str | None, ends: list[float], axis: dict[str, Any]) -> dict[str, Any]:
    scale = {"domain": ends, "nice": False}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _house(dark: bool, size: int) -> dict[str, Any]:
    """Type and colours as `charts.theme.styled` gives them to the other charts."""
    ink, grid, paper = inks(dark)
    lines = dict.fromkeys(("gridColor", "domainColor", "tickColor"), grid)
    labels: dict[str, Any] = {"labelColor": ink, "labelFontSize": size}
    titles: dict[str, Any] = {"titleColor": ink, "titleFontSize": size, "titleFontWeight": "normal"}
    return {
        "background": paper,
        "font": FONT,
        "axis": lines | labels | titles,
        "legend": labels
        | {
            "orient": "bottom",
            "offset": 4,
            "labelLimit": 400,
            "symbolSize": 20 * size,
            "symbolStrokeWidth": 3,
        },
        "title": {
            "anchor": "start",
            "color": ink,
            "fontSize": size + 2,
            "fontWeight": "normal",
            "offset": size,
        },
        "view": {"stroke": None},
    }
