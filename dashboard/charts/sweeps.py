# SPDX-License-Identifier: AGPL-3.0-only
"""A sweep's trials: the objective over them, settings and objective on parallel axes, what matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from dashboard.charts.theme import COLOURS, SCALE, as_text, dot_px, folded, inks, styled, thick

SHADES = {False: (0.0, 0.8), True: (0.4, 1.0)}  # the part of the scale that is seen on white, on black
_TICKS, _CLEAR = 5, 0.15  # on an axis, and the least distance of two, as a share of it


@dataclass(frozen=True, kw_only=True)
class Point:
    """A trial in a chart.

    Attributes:
        number: of the trial.
        value: of the objective.
        pruned: it was given up before its end.
        text: what it tried, for the pointer.
    """

    number: int
    value: float
    pruned: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of parallel coordinates.

    Attributes:
        name: in the session's language.
        places: of each trial, 0 to 1.
        ticks: place → what is written there.
    """

    name: str
    places: tuple[float, ...]
    ticks: Mapping[float, str]


def objective_over_trials(
    points: Sequence[Point],
    *,
    low_is_best: bool,
    title: str,
    x_title: str,
    names: tuple[str, str, str],
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """Each trial's value as a dot, pruned ones as crosses, and the best value so far as a line.

    Args:
        points: in the order of the trials.
        low_is_best: the best trial has the lowest value.
        title, x_title: in the session's language.
        names: of trials, of pruned ones and of the best so far, likewise.
    """
    figure = go.Figure()
    whole = [each for each in points if not each.pruned]
    best, so_far = None, []
    for each in whole:
        better = best is None or (each.value < best if low_is_best else each.value > best)
        best = each.value if better else best
        so_far.append(best)
    figure.add_scatter(
        x=[each.number for each in whole],
        y=so_far,
        name=names[2],
        mode="lines",
        line={"color": COLOURS[1], "width": thick(large), "shape": "hv"},
        hoverinfo="skip",
    )
    for name, shown, colour, symbol in (
        (names[0], whole, COLOURS[0], "circle"),
        (names[1], [each for each in points if each.pruned], inks(dark)[0], "x-thin-open"),
    ):
        if shown:
            figure.add_scatter(
                x=[each.number for each in shown],
                y=[each.value for each in shown],
                customdata=[each.text for each in shown],
                hovertemplate="%{customdata}<extra></extra>",
                name=name,
                mode="markers",
                marker={"color": colour, "size": dot_px(large), "symbol": symbol, "line": {"width": 2}},
            )
    styled(figure, title=title, dark=dark, large=large, height=380)
    figure.update_xaxes(title=x_title, dtick=None if len(points) > 12 else 1)
    return figure


def parallel_coordinates(
    axes: Sequence[Axis],
    texts: Sequence[str],
    *,
    best: int,
    low_is_best: bool,
    title: str,
    dark: bool = False,
    large: bool = False,
) -> go.Figure:
    """A line for each trial down numbered axes that lie below each other, the objective's the last.

    Lines are the brighter the better they end; the best one is thick. A scatter chart, as Plotly's own
    parallel coordinates need WebGL, and lie side by side, which a phone has no room for.

    Args:
        axes: one for each varied setting, and one for the objective.
        texts: of each trial, for the pointer.
        best: index of the best trial.
        low_is_best: the objective is best at its lowest.
        title: in the session's language.
    """
    figure = go.Figure()
    rows = list(range(len(axes)))
    order = [index for index in range(len(texts)) if index != best] + [best]  # the best one on top
    for index in order:
        places = [axis.places[index] for axis in axes]
        figure.add_scatter(
            x=places,
            y=rows,
            customdata=[texts[index]] * len(rows),
            hovertemplate="%{customdata}<extra></extra>",
            mode="lines+markers",
            line=_line(1 - places[-1] if low_is_best else places[-1], dark, large, best=index == best),
            marker={"size": dot_px(large) if index == best else 5},
            opacity=1 if index == best else 0.75,
            showlegend=False,
        )
    styled(figure, title=title, dark=dark, large=large, height=100 + 78 * len(axes))
    figure.update_layout(annotations=_numbers(axes, dark, large))
    figure.update_xaxes(visible=False, range=[-0.06, 1.06], fixedrange=True)
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[folded(axis.name, 18) for axis in axes],
        range=[len(axes) - 0.45, -0.6],
        zeroline=False,
        fixedrange=True,
    )
    return figure


def importance_bars(
    shares: Mapping[str, float], *, title: str, dark: bool = False, large: bool = False
) -> go.Figure:
    """How much each setting matters, the most important on top.

    Args:
        shares: name in the session's language → 0 to 1.
        title: likewise.
    """
    ranked = sorted(shares.items(), key=lambda item: item[1])
    figure = go.Figure(
        go.Bar(
            x=[share for _name, share in ranked],
            y=list(range(len(ranked))),
            text=[f"{share:.0%}" for _name, share in ranked],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
            orientation="h",
            marker={"color": COLOURS[0]},
        )
    )
    styled(figure, title=title, dark=dark, large=large, height=90 + 44 * len(ranked))
    figure.update_xaxes(range=[0, 1.12], tickformat=".0%")
    figure.update_yaxes(
        tickvals=list(range(len(ranked))), ticktext=[folded(name, 18) for name, _share in ranked]
    )
    return figure


def axis_of(name: str, values: Sequence[Any], texts: Sequence[str], *, log: bool = False) -> Axis:
    """The axis of a setting or of the objective.

    Args:
        name: in the session's language.
        values: of each trial; numbers lie by their size, others side by side in order of appearance.
        texts: of each trial, what is written at values that are no numbers.
        log: numbers lie on a logarithmic scale.
    """
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        kinds = list(dict.fromkeys(texts))
        spread = {text: _share(index, 0, len(kinds) - 1) for index, text in enumerate(kinds)}
        return Axis(
            name=name,
            places=tuple(spread[text] for text in texts),
            ticks={place: text for text, place in spread.items()},
        )
    scale = math.log if log and min(values) > 0 else float
    sizes = [scale(value) for value in values]
    low, high = min(sizes), max(sizes)
    known = dict(zip((_share(size, low, high) for size in sizes), values, strict=True))
    gaps = [right - left for left, right in pairwise(sorted(known))]
    if len(known) <= _TICKS and min(gaps, default=1.0) >= _CLEAR:
        ticks = {place: f"{value:.4g}" for place, value in sorted(known.items())}
    else:
        marks = [low + (high - low) * step / (_TICKS - 1) for step in range(_TICKS)]
        ticks = {
            _share(mark, low, high): _short(math.exp(mark) if scale is math.log else mark) for mark in marks
        }
    return Axis(name=name, places=tuple(_share(size, low, high) for size in sizes), ticks=ticks)


def _short(value: float) -> str:
    """A number between those that were tried, in two digits, or whole."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high <= low else (value - low) / (high - low)


def _line(quality: float, dark: bool, large: bool, *, best: bool) -> dict[str, Any]:
    if best:
        return {"color": COLOURS[5], "width": thick(large) + 2}
    worst, finest = SHADES[dark]
    share = worst + (finest - worst) * quality
    (colour,) = sample_colorscale(SCALE, [min(max(share, 0.0), 1.0)])
    return {"color": colour, "width": thick(large) / 2}


def _numbers(axes: Sequence[Axis], dark: bool, large: bool) -> list[dict[str, Any]]:
    """What is written at the ticks, below each axis."""
    ink, _grid, paper = inks(dark)
    return [
        {
            "x": place,
            "y": row,
            "text": as_text(text),
            "showarrow": False,
            "xanchor": "left" if place < 0.1 else "right" if place > 0.9 else "center",
            "yshift": -24 if large else -16,
            "bgcolor": paper,
            "borderpad": 1,
            "font": {"color": ink, "size": 16 if large else 12},
        }
        for row, axis in enumerate(axes)
        for place, text in axis.ticks.items()
    ]
