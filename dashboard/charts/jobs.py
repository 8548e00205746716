# SPDX-License-Identifier: AGPL-3.0-only
"""A run's throughput, and how far estimates lay from what came."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.theme import colour, styled
from engine.records import StepRecord

__all__ = ["estimates_beside_truth", "rates", "throughput"]

STRETCHES = 60  # single steps jitter


def rates(steps: Sequence[StepRecord]) -> tuple[list[float], list[float]]:
    """Images a second over stretches of the run, and the seconds at the end of each.

    Args:
        steps: in order, evenly thinned; a pause of the run is no time in `elapsed_s`.
    """
    times, found = [], []
    for before, after in pairwise(steps[:: -(-len(steps) // STRETCHES) or 1]):
        spent_s = after.elapsed_s - before.elapsed_s
        if spent_s > 0:
            times.append(after.elapsed_s)
            found.append((after.step - before.step) * after.images / spent_s)
    return times, found


def throughput(
    steps: Sequence[StepRecord], *, title: str, x_title: str, dark: bool = False, large: bool = False
) -> go.Figure:
    """Images a second over the seconds of the run.

    Args:
        steps: as of `rates`.
        title, x_title: in the session's language.
    """
    times, found = rates(steps)
    figure = go.Figure()
    figure.add_scatter(
        x=times, y=found, mode="lines", line={"color": colour(2), "width": 3 if large else 1.5}, name=title
    )
    styled(figure, title=title, dark=dark, large=large, height=240)
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title=x_title)
    return figure


def estimates_beside_truth(
    pairs: Sequence[tuple[str, float, float]],
    *,
    title: str,
    x_title: str,
    y_title: str,
    equal: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """A point for each run, what was foretold against what it was; on the line they were the same.

    Args:
        pairs: run, foretold, true; above 0, in one unit.
        title, x_title, y_title, equal: in the session's language; `equal` names the line.
    """
    figure = go.Figure()
    ends: list[Any] = [value for _name, *both in pairs for value in both]
    low, high = min(ends, default=1.0), max(ends, default=1.0)
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", name=equal, line={"color": colour(1), "dash": "dash"}
    )
    figure.add_scatter(
        x=[foretold for _name, foretold, _true in pairs],
        y=[true for _name, _foretold, true in pairs],
        text=[name for name, _foretold, _true in pairs],
        hovertemplate="%{text}: %{x:.3g} → %{y:.3g}<extra></extra>",
        mode="markers",
        name=y_title,
        marker={"color": colour(0), "size": 14 if large else 9},
    )
    styled(figure, title=title, dark=dark, large=large, height=360)
    figure.update_xaxes(type="log", title=x_title)
    figure.update_yaxes(type="log", title=y_title)
    return figure
