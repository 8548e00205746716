# SPDX-License-Identifier: AGPL-3.0-only
"""Lines as Vega-Lite: new data is drawn into them in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.theme import inks

FONT = "Source Sans, sans-serif"
NEAREST = {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": True, "encodings": ["x"]}


def number(
    field: str,
    title: str | None = None,
    *,
    scale: Mapping[str, Any] | None = None,
    axis: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A column on an axis that follows the data, or ends where `scale` says.

    Args:
        field: the column.
        title: of the axis, in the session's language; None where the chart's own title says it.
        scale, axis: as Vega-Lite has them, over the house's.
    """
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "nice": False, **(scale or {})},
        "axis": dict(axis or {}),
    }


def pointed_at(shown: Sequence[tuple[str, str, str]], *, dark: bool = False) -> dict[str, Any]:
    """A layer over lines: a rule at the place nearest to the pointer, and what the lines are there.

    Lines have no tooltips of their own: Vega shows the first point's, wherever the pointer is.

    Args:
        shown: column, its name in the session's language, and its format in d3's words.
    """
    seen = {"param": "pointed", "empty": False, "value": 0.4}
    return {
        "params": [{"name": "pointed", "select": NEAREST}],
        "mark": {"type": "rule", "color": inks(dark)[0], "aria": False},  # a screen reader would read each
        "encoding": {
            "opacity": {"condition": seen, "value": 0},
            "tooltip": [
                {"field": field, "type": "quantitative", "title": title, "format": form}
                for field, title, form in shown
            ],
        },
    }


def framed(
    drawn: Mapping[str, Any], *, title: str, height: int, dark: bool = False, large: bool = False
) -> dict[str, Any]:
    """Give what is drawn the house's look, as `charts.theme.styled` gives it to the other charts.

    Args:
        drawn: marks and encodings, or layers.
        title: what it shows, with units; in the session's language.
        height: in pixels, before `large`.
        dark: on a dark page.
        large: for a projector: larger type, higher.
    """
    return {
        **drawn,
        "title": title,
        "height": round(height * (1.5 if large else 1)),
        "config": _house(dark, 19 if large else 13),
    }


def _house(dark: bool, size: int) -> dict[str, Any]:
    ink, grid, paper = inks(dark)
    lines = dict.fromkeys(("gridColor", "domainColor", "tickColor"), grid)
    labels: dict[str, Any] = {"labelColor": ink, "labelFontSize": size}
    titles: dict[str, Any] = {"titleColor": ink, "titleFontSize": size, "titleFontWeight": "normal"}
    legend = {"orient": "bottom", "offset": 4, "labelLimit": 400, "symbolSize": 20 * size}
    heading = {"anchor": "start", "color": ink, "fontSize": size + 2, "fontWeight": "normal", "offset": size}
    return {
        "background": paper,
        "font": FONT,
        "axis": lines | labels | titles,
        "legend": labels | legend | {"symbolStrokeWidth": 3},
        "title": heading,
        "view": {"stroke": None},
    }
