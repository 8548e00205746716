# SPDX-License-Identifier: AGPL-3.0-only
"""What benchmarks measured beside what is claimed, and how it changed between two versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.theme import as_text, colour, dot_px, error_bars, folded, stroke, styled
from engine.measurements import spans_orders
from engine.records import Interval

SYMBOLS = ("circle", "square", "triangle-up", "x", "star", "pentagon", "cross")
_CLAIM = "#D55E00"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A figure to draw.

    Attributes:
        name: of the side; of points of a line their line's.
        x: where a point lies; None for bars.
        figure: with its 95% interval.
        claimed: what the field says, in the same unit; None if it names no number.
    """

    name: str
    figure: Interval
    x: float | None = None
    claimed: float | None = None


def side_chart(
    bars: Sequence[Bar],
    *,
    names: tuple[str, str],
    title: str,
    x_title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Sides as lying bars with intervals, what is claimed as diamonds; as points where they span orders.

    Args:
        bars: from top to bottom; names may repeat.
        names: of what was measured and what is claimed, in the legend.
        title, x_title: in the session's language; the unit belongs to `x_title`.
    """
    figure = go.Figure()
    # Places, not names: two bars of one name would be drawn over each other.
    places = list(range(len(bars)))
    shown: dict[str, Any] = {
        "x": [bar.figure.value for bar in bars],
        "y": places,
        "error_x": _spread(bars, dark),
        "customdata": [bar.name for bar in bars],
        "hovertemplate": "%{customdata}: %{x:.4g}",
        "name": names[0],
        "marker_color": colour(0),
    }
    if _wide(bars):  # a bar's length means nothing where there is no 0
        figure.add_scatter(**shown, mode="markers", marker_size=14 if large else 10)
    else:
        figure.add_bar(**shown, orientation="h")
    claims = [(place, bar.claimed) for place, bar in enumerate(bars) if bar.claimed is not None]
    if claims:
        figure.add_scatter(
            x=[claimed for _place, claimed in claims],
            y=[place for place, _claimed in claims],
            mode="markers",
            name=names[1],
            marker=_diamond(large),
        )
    _rows(figure, [bar.name for bar in bars], title=title, dark=dark, large=large)
    figure.update_yaxes(showgrid=False)
    figure.update_xaxes(title=as_text(x_title), **_scale(bars))
    figure.update_layout(showlegend=bool(claims))
    return figure


def line_chart(
    points: Sequence[Bar],
    *,
    names: tuple[str, str],
    title: str,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Lines over a setting, points with intervals, what is claimed as diamonds.

    Args:
        points: those of one name make a line.
        names: of what was measured (where a line has no name of its own) and what is claimed.
        title, x_title, y_title: in the session's language.
        log_x: x grows by factors.
    """
    figure = go.Figure()
    lines: dict[str, list[Bar]] = {}
    for point in sorted(points, key=lambda point: point.x or 0):
        lines.setdefault(point.name, []).append(point)
    for index, (name, line) in enumerate(lines.items()):
        figure.add_scatter(
            x=[point.x for point in line],
            y=[point.figure.value for point in line],
            error_y=_spread(line, dark),
            mode="lines+markers",
            name=name or names[0],
            line=stroke(index, large),
            marker={"symbol": SYMBOLS[index % len(SYMBOLS)], "size": dot_px(large)},
        )
    claims = sorted({(point.x, point.claimed) for point in points if point.claimed is not None})
    if claims:
        where, claimed = zip(*claims, strict=True)
        figure.add_scatter(x=where, y=claimed, mode="markers", name=names[1], marker=_diamond(large))
    styled(figure, title=title, dark=dark, large=large, height=360)
    ticks = sorted({point.x for point in points if point.x is not None})
    figure.update_xaxes(
        title=as_text(x_title),
        type="log" if log_x else "linear",
        tickvals=ticks,
        ticktext=[f"{x:g}" for x in ticks],
    )
    figure.update_yaxes(title=as_text(y_title), **_scale(points))
    figure.update_layout(showlegend=len(lines) > 1 or bool(claims))
    return figure


def change_chart(
    changes: Mapping[str, tuple[Interval, bool | None]],
    *,
    names: tuple[str, str],
    title: str,
    x_title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Relative changes with intervals around no change; those beyond the noise stand out by sign and colour.

    Args:
        changes: side → the change as a share of what was before, and whether it exceeds the noise.
        names: of changes beyond the noise and of those within it, in the legend.
        title, x_title: in the session's language.
    """
    figure = go.Figure()
    sides = list(changes)
    for name, beyond, symbol, tint in (
        (names[0], True, "diamond", _CLAIM),
        (names[1], False, "circle-open", "#8A97A5"),
    ):
        rows = [
            Bar(name=side, figure=change, x=sides.index(side))
            for side, (change, noisy) in changes.items()
            if bool(noisy) is beyond
        ]
        figure.add_scatter(
            x=[row.figure.value for row in rows],
            y=[row.x for row in rows],
            error_x=_spread(rows, dark),
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 16 if large else 11, "color": tint},
        )
    _rows(figure, sides, title=title, dark=dark, large=large)
    figure.update_xaxes(title=as_text(x_title), tickformat="+.0%", zeroline=True, zerolinewidth=2)
    return figure


def _wide(bars: Sequence[Bar]) -> bool:
    values = [bar.figure.value for bar in bars]
    return spans_orders(values + [bar.claimed for bar in bars if bar.claimed is not None])


def _scale(bars: Sequence[Bar]) -> dict[str, Any]:
    """An axis from 0, or a logarithmic one with a line at each power of ten."""
    return {"type": "log", "dtick": 1, "tickformat": "~g"} if _wide(bars) else {"rangemode": "tozero"}


def _spread(bars: Sequence[Bar], dark: bool) -> dict[str, Any]:
    return error_bars([(bar.figure.value, bar.figure.low, bar.figure.high) for bar in bars], dark)


def _diamond(large: bool) -> dict[str, Any]:
    outline = {"width": 1.5, "color": "#FFFFFF"}  # it may lie on a bar
    return {"symbol": "diamond", "size": 17 if large else 12, "color": _CLAIM, "line": outline}


def _rows(figure: go.Figure, names: Sequence[str], **look: Any) -> None:
    """Style a figure of rows from top to bottom, each as high as the longest name when folded."""
    labels = [folded(name) for name in names]
    lines = max((label.count("<br>") + 1 for label in labels), default=1)
    styled(figure, height=150 + (16 + 18 * lines) * len(labels), **look)
    rows = list(range(len(labels)))
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, range=[len(rows) - 0.5, -0.5])
