# SPDX-License-Identifier: AGPL-3.0-only
"""The short history of the machine's load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.charts.theme import DASHES, colour, styled

__all__ = ["load_history"]


def load_history(
    ages_s: Sequence[float],
    series: Mapping[str, Sequence[float | None]],
    *,
    title: str,
    x_title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Lines over the last minutes.

    Args:
        ages_s: seconds before now of each sample, negative, rising to 0.
        series: name → percentages, 0 to 100, None where a value could not be read; as many as `ages_s`.
        title, x_title: in the session's language.
    """
    figure = go.Figure()
    for index, (name, values) in enumerate(series.items()):
        line = {"color": colour(index), "dash": DASHES[index % len(DASHES)], "width": 4 if large else 2}
        figure.add_scatter(x=list(ages_s), y=list(values), name=name, mode="lines", line=line)
    styled(figure, title=title, dark=dark, large=large, height=280)
    figure.update_yaxes(range=[0, 103], ticksuffix=" %")  # a line at 100 is not cut in half
    figure.update_xaxes(title=x_title)
    return figure
