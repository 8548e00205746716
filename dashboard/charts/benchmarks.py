# SPDX-License-Identifier: AGPL-3.0-only
"""Effects and changes: points with their intervals around a line of no effect, beside what is claimed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.theme import as_text, colour, error_bars, folded, styled
from engine.measurements import Interval, spans_orders

_CLAIM, _PALE = "#D55E00", "#8A97A5"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A row of the chart.

    Attributes:
        name: of the row; names may repeat.
        figure: with its interval.
        stands_out: drawn in colour, such as an effect that is decided or a change beyond noise.
        claimed: values that the field claims.
    """

    name: str
    figure: Interval
    stands_out: bool
    claimed: tuple[float, ...] = ()


def effect_chart(
    effects: Sequence[Effect],
    *,
    null: float,
    names: tuple[str, str, str],
    title: str,
    x_title: str,
    percent: bool = False,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Effects from top to bottom, logarithmic where positive ones span orders.

    Args:
        effects: the rows.
        null: where there is no effect.
        names: of rows that stand out, of the others, and of claims, in the legend.
        title, x_title: in the session's language.
        percent: the effects are shares.
    """
    figure = go.Figure()
    for name, stands_out, symbol, tint in (
        (names[0], True, "circle", colour(0)),
        (names[1], False, "circle-open", _PALE),
    ):
        rows = [(place, each) for place, each in enumerate(effects) if each.stands_out is stands_out]
        figures = [each.figure for _place, each in rows]
        if rows:
            figure.add_scatter(
                x=[each.value for each in figures],
                y=[place for place, _each in rows],
                error_x=error_bars([(each.value, each.low, each.high) for each in figures], dark),
                customdata=[each.name for _place, each in rows],
                hovertemplate="%{customdata}: %{x:+.1%}" if percent else "%{customdata}: %{x:.4g}",
                mode="markers",
                name=name,
                marker={"symbol": symbol, "size": 15 if large else 10, "color": tint},
            )
    claims = [(value, place) for place, each in enumerate(effects) for value in dict.fromkeys(each.claimed)]
    if claims:
        where, places = zip(*claims, strict=True)
        look = {"symbol": "diamond-open", "size": 17 if large else 12, "color": _CLAIM}
        figure.add_scatter(x=where, y=places, mode="markers", name=names[2], marker=look)
    _rows(figure, [each.name for each in effects], title=title, dark=dark, large=large)
    values = [each.figure.value for each in effects if not math.isnan(each.figure.value)]
    wide = not percent and spans_orders([*values, *(value for value, _place in claims)])
    scale: dict[str, Any] = {"type": "log", "dtick": 1, "tickformat": "~g"} if wide else {}
    if percent:
        scale = {"tickformat": "+.0%"}
    figure.update_xaxes(title=as_text(x_title), zeroline=False, **scale)
    figure.add_vline(x=null, line_width=2, line_color=_PALE)
    return figure


def _rows(figure: go.Figure, names: Sequence[str], **look: Any) -> None:
    """Style a figure of rows from top to bottom, each as high as the longest name when folded."""
    labels = [folded(name) for name in names]
    lines = max((label.count("<br>") + 1 for label in labels), default=1)
    styled(figure, height=150 + (16 + 18 * lines) * len(labels), **look)
    rows = list(range(len(labels)))
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, range=[len(rows) - 0.5, -0.5])
