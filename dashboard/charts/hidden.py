# SPDX-License-Identifier: AGPL-3.0-only
"""The share of objects that a patch hides, in bars of objects that are alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts.theme import colour, inks, styled


def hidden_bars(
    bars: Sequence[tuple[int, float, float, float]],
    labels: Sequence[str],
    *,
    title: str,
    x_title: str,
    y_title: str,
    number: str,
    chosen: int | None = None,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Bars with intervals; one without objects stays empty.

    Args:
        bars: objects, share hidden, and the bounds of its interval, 0 to 1 or NaN.
        labels: of the bars, as many.
        title, x_title, y_title: in the session's language.
        number: how a bar's objects are said, with `{number}`.
        chosen: the bar to point out.
    """
    rows = [tuple(None if math.isnan(value) else value for value in shares) for _found, *shares in bars]
    heights = [share for share, _low, _high in rows]
    counts = [number.format(number=f"{found:,}") for found, *_shares in bars]
    figure = go.Figure(
        go.Bar(
            x=list(labels),
            y=heights,
            text=[count if found else "" for count, (found, *_shares) in zip(counts, bars, strict=True)],
            textposition="auto",  # above a bar of no height
            insidetextanchor="start",
            textangle=0,
            constraintext="none",
            error_y={
                "type": "data",
                "array": [_beyond(share, high) for share, _low, high in rows],
                "arrayminus": [_beyond(low, share) for share, low, _high in rows],
                "color": inks(dark)[0],
            },
            marker={"color": [colour(1 if place == chosen else 0) for place in range(len(bars))]},
            hovertemplate="%{x}: %{y:.0%}, %{text}<extra></extra>",
        )
    )
    styled(figure, title=title, dark=dark, large=large, height=360)
    figure.update_xaxes(title=x_title, type="category", showgrid=False)
    figure.update_yaxes(title=y_title, range=[0, 1.02], tickformat=".0%")
    figure.update_layout(bargap=0.15)
    return figure


def _beyond(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else max(high - low, 0)
