# SPDX-License-Identifier: AGPL-3.0-only
"""A run's loss and throughput, a training's epochs, and how far estimates lay from what came."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.compare import smoothed
from dashboard.charts.lines import framed, number, pointed_at
from dashboard.charts.theme import colour, dot_px, styled, thick
from engine.records import StepRecord

SMOOTHING = 0.8  # as of `compare.smoothed`
STRETCHES = 60  # single steps jitter
LEVEL = {"grid": False, "tickCount": 6}  # of the axis below


def loss_rows(steps: Sequence[StepRecord], over: str = "iterations") -> dict[str, list[float]]:
    """The losses, raw and smoothed, in the columns `place`, `loss` and `smoothed`, for `loss_spec`.

    Args:
        steps: in order.
        over: what places are: `iterations` (passes over the images), `steps` or `seconds`.
    """
    losses = [step.loss for step in steps]
    if over == "iterations":
        places = _iterations(steps)
    else:
        places = [step.elapsed_s if over == "seconds" else step.step for step in steps]
    return {"place": places, "loss": losses, "smoothed": smoothed(losses, SMOOTHING)}


def _iterations(steps: Sequence[StepRecord]) -> list[float]:
    """After how many iterations each step ended; the last iteration counts as long as the one before it."""
    groups = [list(group) for _iteration, group in groupby(steps, key=attrgetter("iteration"))]
    lengths = [after[0].step - group[0].step for group, after in pairwise(groups)]
    if groups:
        lengths.append(max([len(groups[-1]), *lengths[-1:]]))
    return [
        step.iteration - 1 + min((step.step - group[0].step + 1) / length, 1.0)
        for group, length in zip(groups, lengths, strict=True)
        for step in group
    ]


def loss_spec(
    *, title: str, x_title: str, loss: str, smooth: str, dark: bool = False, large: bool = False
) -> dict[str, Any]:
    """The loss, smoothed, over the raw one drawn thin and pale; the same whatever the steps.

    Args:
        title, x_title: in the session's language.
        loss, smooth: names of the raw and the smoothed loss in the tooltip.
    """
    raw = {"type": "line", "color": colour(0), "strokeWidth": 1, "opacity": 0.35}
    line = {"type": "line", "color": colour(0), "strokeWidth": thick(large)}
    follows = {"nice": True}
    layers: list[dict[str, Any]] = [
        {"mark": raw, "encoding": {"y": number("loss", scale=follows)}},
        {"mark": line, "encoding": {"y": number("smoothed", scale=follows)}},
        pointed_at(
            [("place", x_title, ",.1~f"), ("loss", loss, ".3f"), ("smoothed", smooth, ".3f")], dark=dark
        ),
    ]
    drawn = {"encoding": {"x": number("place", x_title, axis=LEVEL)}, "layer": layers}
    return framed(drawn, title=title, height=400, dark=dark, large=large)


def epoch_rows(steps: Sequence[StepRecord], term: str = "") -> dict[str, list[float]]:
    """A figure of each epoch of a training in the columns `place` and `figure`, for `epoch_spec`.

    Args:
        steps: one an epoch, in order.
        term: which of its terms; empty for the loss. Epochs without a number are left out.
    """
    figures = [(step.step, step.terms.get(term, math.nan) if term else step.loss) for step in steps]
    shown = [(place, figure) for place, figure in figures if math.isfinite(figure)]
    return {"place": [place for place, _ in shown], "figure": [figure for _, figure in shown]}


def epoch_spec(
    *, title: str, x_title: str, ink: int = 0, dark: bool = False, large: bool = False
) -> dict[str, Any]:
    """A figure over epochs; the same whatever the epochs.

    Args:
        title, x_title: in the session's language.
        ink: number of the line's colour.
    """
    line = {
        "type": "line",
        "color": colour(ink),
        "strokeWidth": thick(large),
        "point": {"color": colour(ink)},
    }
    layers: list[dict[str, Any]] = [
        {"mark": line, "encoding": {"y": number("figure", scale={"nice": True})}},
        pointed_at([("place", x_title, ",.0f"), ("figure", title, ".3f")], dark=dark),
    ]
    axis = {**LEVEL, "tickMinStep": 1, "format": "d"}
    drawn = {"encoding": {"x": number("place", x_title, axis=axis)}, "layer": layers}
    return framed(drawn, title=title, height=280, dark=dark, large=large)


def score_rows(
    validated: Sequence[tuple[int, Mapping[str, float], Mapping[str, tuple[float, float]]]],
    names: Iterable[str],
) -> dict[str, list[float | None]]:
    """Scores in the columns `iteration`, and for each of `names` itself, `…_low` and `…_high`.

    Args:
        validated: iteration, scores and the bounds of their intervals, in order.
        names: of scores; one that is not known is None.
    """
    rows: dict[str, list[float | None]] = {"iteration": [iteration for iteration, *_rest in validated]}
    for name in names:
        rows[name] = [scores.get(name) for _iteration, scores, _bounds in validated]
        for place, end in enumerate(("low", "high")):
            bounds = [ci95.get(name, (None, None))[place] for _iteration, _scores, ci95 in validated]
            rows[f"{name}_{end}"] = bounds
    return rows


def score_spec(
    names: Mapping[str, str], *, title: str, x_title: str, dark: bool = False, large: bool = False
) -> dict[str, Any]:
    """Scores, 0 to 1, over iterations, each with the band of its 95% interval; the same whatever they are.

    Args:
        names: column → what it is called in the session's language.
        title, x_title: likewise.
    """
    scale = {"domain": list(names.values()), "range": [colour(1 + ink) for ink in range(len(names))]}
    layers: list[dict[str, Any]] = []
    for name, words in names.items():
        ink = {
            "datum": words,
            "type": "nominal",
            "scale": scale,
            "legend": {"title": None, "symbolOpacity": 1},
        }
        y = number(name, scale={"domain": [0, 1]})
        band = {"y": {**y, "field": f"{name}_low"}, "y2": {"field": f"{name}_high"}, "color": ink}
        line = {"type": "line", "strokeWidth": thick(large), "point": True}
        layers += [
            {"mark": {"type": "area", "opacity": 0.15, "aria": False}, "encoding": band},
            {"mark": line, "encoding": {"y": y, "color": ink}},
        ]
    shown = [("iteration", x_title, ",.0f"), *((name, words, ".2f") for name, words in names.items())]
    layers.append(pointed_at(shown, dark=dark))
    axis = {**LEVEL, "tickMinStep": 1, "format": "d"}
    drawn = {"encoding": {"x": number("iteration", x_title, axis=axis)}, "layer": layers}
    return framed(drawn, title=title, height=320, dark=dark, large=large)


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


def throughput_rows(steps: Sequence[StepRecord]) -> dict[str, list[float]]:
    """Images a second in the columns `seconds` and `rate`, for `throughput_spec`.

    Args:
        steps: as of `rates`.
    """
    times, found = rates(steps)
    return {"seconds": times, "rate": found}


def throughput_spec(*, title: str, x_title: str, dark: bool = False, large: bool = False) -> dict[str, Any]:
    """Images a second, from zero, over the seconds of the run; the same whatever the steps.

    Args:
        title, x_title: in the session's language.
    """
    line = {"type": "line", "color": colour(2), "strokeWidth": thick(large)}
    layers: list[dict[str, Any]] = [
        {"mark": line, "encoding": {"y": number("rate", scale={"zero": True, "nice": True})}},
        pointed_at([("seconds", x_title, ",.1f"), ("rate", title, ".1f")], dark=dark),
    ]
    drawn = {"encoding": {"x": number("seconds", x_title, axis=LEVEL)}, "layer": layers}
    return framed(drawn, title=title, height=240, dark=dark, large=large)


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
    """A point for each run, its estimate against the actual value; on the line both are equal.

    Args:
        pairs: run, estimate, actual value; above 0, in one unit.
        title, x_title, y_title, equal: in the session's language; `equal` names the line.
    """
    figure = go.Figure()
    ends: list[Any] = [value for _name, *both in pairs for value in both]
    low, high = min(ends, default=1.0), max(ends, default=1.0)
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", name=equal, line={"color": colour(1), "dash": "dash"}
    )
    figure.add_scatter(
        x=[estimated for _name, estimated, _actual in pairs],
        y=[actual for _name, _estimated, actual in pairs],
        text=[name for name, _estimated, _actual in pairs],
        hovertemplate="%{text}: %{x:.3g} → %{y:.3g}<extra></extra>",
        mode="markers",
        name=y_title,
        marker={"color": colour(0), "size": dot_px(large)},
    )
    styled(figure, title=title, dark=dark, large=large, height=360)
    figure.update_xaxes(type="log", title=x_title)
    figure.update_yaxes(type="log", title=y_title)
    return figure
