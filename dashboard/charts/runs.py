# SPDX-License-Identifier: AGPL-3.0-only
"""Runs as points: any two of their columns against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.theme import Bounded, colour, dot_px, error_bars, styled

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A run.

    Attributes:
        x: its value across.
        y: its value up, with its interval; None bounds without one.
        text: what the pointer shows.
        series: what it is coloured by, as text; the same for all without one.
    """

    x: float
    y: Bounded
    text: str
    series: str


def scatter(
    dots: Sequence[Dot],
    *,
    title: str,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """The runs as dots, each series in a colour and a sign of its own.

    Args:
        dots: the runs.
        title, x_title, y_title: in the session's language.
        log_x, log_y: whether an axis is logarithmic; what is not above 0 is then not drawn.
    """
    figure = go.Figure()
    series = list(dict.fromkeys(dot.series for dot in dots))
    for index, name in enumerate(series):
        some = [dot for dot in dots if dot.series == name]
        figure.add_scatter(
            x=[dot.x for dot in some],
            y=[dot.y[0] for dot in some],
            error_y=error_bars([dot.y for dot in some], dark) | {"color": colour(index), "thickness": 1},
            customdata=[dot.text for dot in some],
            hovertemplate="%{customdata}<extra></extra>",
            name=name,
            mode="markers",
            marker={"color": colour(index), "symbol": SYMBOLS[index % len(SYMBOLS)], "size": dot_px(large)},
        )
    styled(
        figure, title=title, dark=dark, large=large, height=420 + 22 * (len(series) if len(series) > 1 else 0)
    )
    figure.update_xaxes(title=x_title, type="log" if log_x else "linear")
    figure.update_yaxes(title=y_title, type="log" if log_y else "linear")
    figure.update_layout(showlegend=len(series) > 1)
    return figure
