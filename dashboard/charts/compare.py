# SPDX-License-Identifier: AGPL-3.0-only
"""Runs over each other: loss curves, scores with intervals, settings and scores on parallel axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.theme import (
    Bounded,
    as_text,
    colour,
    columns,
    dot_px,
    error_bars,
    folded,
    inks,
    legend_lines,
    numbers,
    stroke,
    styled,
)

Curve = tuple[Sequence[float] | Sequence[datetime], Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One of parallel axes.

    Attributes:
        places: of each run, 0 to 1.
        texts: each run's value.
        spans: each run's interval, as places; empty without intervals.
        ends: what its two ends mean; empty where the outermost values stand there.
    """

    places: Sequence[float]
    texts: Sequence[str]
    spans: Sequence[tuple[float | None, float | None]] = ()
    ends: tuple[str, str] | tuple[()] = ()


def smoothed(values: Sequence[float], strength: float) -> list[float]:
    """An exponential moving average, unbiased at its beginning (as Adam corrects its moments).

    Args:
        values: in order.
        strength: of what went before, 0 (none) to below 1.
    """
    mean, weight, found = 0.0, 0.0, []
    for value in values:
        mean = strength * mean + (1 - strength) * value
        weight = strength * weight + 1 - strength
        found.append(mean / weight)
    return found


def loss_curves(
    curves: Mapping[str, Curve],
    *,
    strength: float,
    title: str,
    x_title: str,
    log_x: bool = False,
    log_y: bool = False,
    dotted: bool = False,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Each run's loss, smoothed, over the raw one drawn thin and pale.

    Args:
        curves: run → steps, seconds or moments, and the losses (or scores) there.
        strength: of the smoothing, 0 (raw alone) to below 1.
        title, x_title: in the session's language.
        log_x, log_y: whether an axis is logarithmic; moments are on none.
        dotted: points are drawn too, where there are few.
    """
    figure = go.Figure()
    for index, (name, (places, values)) in enumerate(curves.items()):
        if strength:
            figure.add_scatter(
                x=numbers(places),
                y=numbers(values),
                name=name,
                legendgroup=str(index),
                showlegend=False,
                hoverinfo="skip",
                mode="lines",
                opacity=0.35,
                line={"color": colour(index), "width": 1},
            )
        shown = smoothed(values, strength) if strength else values
        line = stroke(index, large)
        figure.add_scatter(
            x=numbers(places),
            y=numbers(shown),
            name=name,
            legendgroup=str(index),
            mode="lines+markers" if dotted else "lines",
            line=line,
        )
    height = _height(400, curves)
    styled(figure, title=title, dark=dark, large=large, height=height, room=(3.4, 6))
    figure.update_xaxes(title=x_title, type="log" if log_x else None)
    figure.update_yaxes(type="log" if log_y else None)
    figure.update_layout(showlegend=len(curves) > 1)
    return figure


def score_of(scores: Mapping[str, Any], name: str) -> Bounded:
    """One of a patch's scores for `score_bars`, of what `Evaluation.to_json` gives for a condition."""
    return scores.get(name), *scores.get("ci95", {}).get(name, (None, None))


def score_bars(
    scores: Mapping[str, Mapping[str, Bounded]],
    controls: Mapping[str, Mapping[str, float | None]],
    *,
    control: str,
    title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Scores in groups, a bar for each run with its 95% interval, and what the control reached as a diamond.

    Args:
        scores: run → score's title → value, low and high, 0 to 1; None where undefined.
        controls: run → score's title → the control's value.
        control: the control's name in the legend.
        title: in the session's language.
    """
    figure = go.Figure()
    ink = inks(dark)[0]
    for index, (name, values) in enumerate(scores.items()):
        figure.add_bar(
            x=list(values),
            y=[value for value, _low, _high in values.values()],
            error_y=error_bars(list(values.values()), dark),
            name=name,
            marker={"color": colour(index), "pattern": _pattern(index, ink)},
            offsetgroup=str(index),
        )
    for index, (name, reached) in enumerate(controls.items()):
        figure.add_scatter(
            x=list(reached),
            y=list(reached.values()),
            mode="markers",
            name=control,
            legendgroup=control,
            showlegend=index == 0,
            offsetgroup=str(list(scores).index(name)),
            marker={
                "symbol": "diamond-open",
                "size": 15 if large else 10,
                "color": ink,
                "line": {"width": 2},
            },
        )
    height = _height(400, scores)
    styled(figure, title=title, dark=dark, large=large, height=height, room=(3.4, 4.6))
    figure.update_layout(barmode="group", scattermode="group", bargap=0.25)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def parallel_axes(
    axes: Mapping[str, Axis],
    runs: Sequence[str],
    *,
    title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """A line for each run down parallel axes that lie below each other.

    Lines of a scatter chart, not Plotly's parallel coordinates: those need WebGL and have no legend.

    Args:
        axes: name → axis, the runs in the order of `runs`.
        runs: their names.
        title: in the session's language.
    """
    figure = go.Figure()
    rows = list(range(len(axes)))
    for index, name in enumerate(runs):
        figure.add_scatter(
            x=[axis.places[index] for axis in axes.values()],
            y=rows,
            error_x=_intervals([(axis, index) for axis in axes.values()], colour(index)),
            customdata=[axis.texts[index] for axis in axes.values()],
            hovertemplate="%{customdata}",
            name=name,
            mode="lines+markers",
            line=stroke(index, large),
            marker={"size": dot_px(large)},
        )
    names, height = [folded(axis) for axis in axes], _height(90 + 62 * len(axes), runs)
    widest = max((columns(line) for name in names for line in name.split("<br>")), default=0)
    styled(figure, title=title, dark=dark, large=large, height=height, room=(1 + 0.55 * widest, 3))
    labels = _value_labels(list(axes.values()), 20 if large else 14, inks(dark)[2])
    figure.update_layout(annotations=[*labels, *_end_labels(list(axes.values()))])
    figure.update_xaxes(visible=False, range=[-0.06, 1.06])
    figure.update_yaxes(tickvals=rows, ticktext=names, zeroline=False)
    figure.update_yaxes(range=[len(axes) - 0.7, -0.7])
    return figure


def _intervals(found: Sequence[tuple[Axis, int]], ink: str) -> dict[str, Any]:
    """The intervals of one run on each axis; none where it has none."""
    bounded = [
        (axis.places[index], *(axis.spans[index] if axis.spans else (None, None))) for axis, index in found
    ]
    return error_bars(bounded, False) | {"color": ink}


def _end_labels(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """What the ends of an axis mean, outside of it."""
    return [
        {"x": place, "y": row, "text": as_text(text), "xanchor": anchor, "showarrow": False, "opacity": 0.75}
        for row, axis in enumerate(axes)
        for text, place, anchor in zip(axis.ends, (-0.01, 1.01), ("right", "left"), strict=False)
    ]


def _value_labels(axes: Sequence[Axis], lift_px: int, paper: str) -> list[dict[str, Any]]:
    """Each value once beside its point, above it and below by turns, as neighbours would overlap."""
    labels = []
    for row, axis in enumerate(axes):
        points = dict(zip(axis.places, axis.texts, strict=True))
        for number, (place, text) in enumerate(sorted(points.items())):
            anchor = "left" if place < 0.2 else "right" if place > 0.8 else "center"
            label = {"x": place, "y": row, "text": as_text(text), "xanchor": anchor, "showarrow": False}
            lift = lift_px * (-1 if number % 2 else 1)
            labels.append(label | {"yshift": lift, "bgcolor": paper, "borderpad": 0})  # lines pass there
    return labels


def places(values: Sequence[Any]) -> list[float]:
    """Where values lie on an axis of their own, 0 to 1: numbers by size, others in order of appearance."""
    sized = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    sizes: list[float] = list(values) if sized else [list(values).index(value) for value in values]
    low, high = min(sizes, default=0), max(sizes, default=0)
    return [0.5 if low == high else (size - low) / (high - low) for size in sizes]


def _pattern(index: int, ink: str) -> dict[str, Any]:
    """A second sign beside the colour."""
    shape = ("", "/", "x", ".")[index % 4]
    return {"shape": shape, "fillmode": "overlay", "fgcolor": ink, "fgopacity": 0.45, "size": 7}


def _height(base: int, names: Iterable[str]) -> int:
    """Room for a legend that takes lines of its own for each run on a narrow screen."""
    return base + 22 * sum(len(legend_lines(name)) for name in names)
