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
_FEW_DECADES = 50  # up to such a ratio there is room for ticks at 2 and 5


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A row of the chart.

    Attributes:
        name: of the row, in lines as they are to be read; names may repeat.
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
    form: str = "",
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Effects from top to bottom, logarithmic where positive ones span orders.

    Args:
        effects: the rows.
        null: where there is no effect.
        names: of rows that stand out, of the others, and of claims, in the legend.
        title, x_title: in the session's language.
        form: how D3 writes figures, such as `+.0%` of changes; four digits by default.
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
                customdata=[" ".join(each.name.split()) for _place, each in rows],
                hovertemplate=f"%{{customdata}}: %{{x:{form or '.4g'}}}<extra></extra>",
                mode="markers",
                name=name,
                marker={
                    "symbol": symbol,
                    "size": 15 if large else 10,
                    "color": tint,
                    "line": {"width": 2, "color": tint},
                },
            )
    claims = [(value, place) for place, each in enumerate(effects) for value in dict.fromkeys(each.claimed)]
    if claims:
        where, places = zip(*claims, strict=True)
        look = {"symbol": "diamond-open", "size": 17 if large else 12, "color": _CLAIM, "line_width": 2}
        figure.add_scatter(x=where, y=places, mode="markers", name=names[2], marker=look)
    _rows(figure, [each.name for each in effects], title=title, dark=dark, large=large)
    shown = [each.figure.value for each in effects if not math.isnan(each.figure.value)]
    shown += [value for value, _place in claims]
    wide = spans_orders(shown)
    figure.update_xaxes(title=as_text(x_title), zeroline=False, tickformat=form or ("~g" if wide else ""))
    if wide:
        figure.update_xaxes(type="log", dtick="D2" if max(shown) <= _FEW_DECADES * min(shown) else 1)
    if null > 0 or not wide:  # a logarithmic axis has no 0
        figure.add_vline(x=null, line_width=2, line_color=_PALE)
    return figure


def _rows(figure: go.Figure, names: Sequence[str], **look: Any) -> None:
    """Style a figure of rows from top to bottom, each as high as the longest name when folded."""
    labels = ["<br>".join(map(folded, name.splitlines())) for name in names]
    lines = max((label.count("<br>") + 1 for label in labels), default=1)
    styled(figure, height=150 + (16 + 18 * lines) * len(labels), **look)
    rows = list(range(len(labels)))
    figure.update_layout(showlegend=True)  # also of one series: its colour means something
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, range=[len(rows) - 0.5, -0.5])
