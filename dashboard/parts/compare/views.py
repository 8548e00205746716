# SPDX-License-Identifier: AGPL-3.0-only
"""Runs side by side as tables and figures, for the page and for the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go

from dashboard import components, formats
from dashboard.charts.compare import (
    Axis,
    parallel_axes,
    places,
    score_bars,
    score_of,
)
from dashboard.charts.theme import Bounded
from dashboard.components import CONDITIONS, SCORES
from dashboard.i18n import N_, _
from dashboard.parts.run_names import numbered_name
from dashboard.parts.setting_names import choice_name, decided_value, named_value, setting_name
from dashboard.services import outcomes
from dashboard.services import runs as service
from dashboard.services.runs import Run

Rows = list[dict[str, Any]]
HIGHER_IS_STRONGER = ("asr", "disappearance")  # of two patches that hide as much, the one that adds less
SHARES = [key for key in SCORES if key != "hallucinations_per_image"]  # 0 to 1: they share an axis
HEAD = 40  # letters of a column's head
LARGEST_DIFFERENCE = 8  # axes of settings that still can be read
ENDS = {  # as of `outcomes.ended`: iterations done and asked for
    "iterations": N_("all {asked} iterations"),
    "time limit": N_("time limit: {done} of {asked}"),
    "early stop": N_("early stop: {done} of {asked}"),
}
COSTS = {
    "elapsed_s": N_("Time"),
    "image_iterations_per_s": N_("Images per second"),
    "steps": N_("Steps"),
    "image_iterations": N_("Image-iterations"),
    "peak_memory_bytes": N_("Peak memory"),
    "device": N_("Device"),
    "precision": N_("Precision"),
}


def setting_rows(runs: Sequence[Run], values: Mapping[str, Sequence[Any]]) -> Rows:
    """A line for each setting, a column for each run.

    Args:
        runs: in order.
        values: setting → its value in each run, as `services.runs.differing` has them.
    """
    return [
        {_("Setting"): setting_name(name)}
        | {_head(run): decided_value(name, value, run.facts) for run, value in zip(runs, each, strict=True)}
        for name, each in values.items()
    ]


def _head(run: Run) -> str:
    """A run as a column's head, so short that several fit beside each other; its number comes first."""
    return (
        numbered_name(run)
        if len(numbered_name(run)) <= HEAD
        else f"{numbered_name(run)[: HEAD - 1].rstrip()}…"
    )


def score_rows(runs: Sequence[Run]) -> Rows:
    """A line for each run, by its number, and each of its controls, scores with their intervals."""
    return [
        {_("Run"): str(run.job.id)} | row
        for run in runs
        if run.evaluation
        for row in components.score_rows(run.evaluation)
    ]


def mapped_classes(runs: Sequence[Run]) -> list[str]:
    """The number and the classes of each scored run whose dataset names them otherwise than its detector."""
    scored = [(run.job.id, run.scored_on[2]) for run in runs if run.evaluation]
    return [f"{number}: {classes}" for number, classes in scored if "→" in classes]


def cost_rows(runs: Sequence[Run]) -> Rows:
    """What each run took: a line for each fact, a column for each run."""
    write: dict[str, Callable[[Any], object]] = {
        "elapsed_s": formats.duration,
        "device": partial(choice_name, "device"),
        "image_iterations_per_s": lambda value: formats.number(value, 1),
        "peak_memory_bytes": formats.bytes_text,
    }
    rows = [
        {_("Cost"): _(title)} | {_head(run): _fact(run, key, write.get(key, str)) for run in runs}
        for key, title in COSTS.items()
        if any(run.facts.get(key) is not None for run in runs)
    ]
    ends = {_head(run): _end(run) for run in runs}
    if any(end != formats.DASH for end in ends.values()):
        rows.insert(0, {_("Cost"): _("Ended by")} | ends)
    return rows


def _end(run: Run) -> str:
    """How a run ended, in the few words that a column of several has room for."""
    ended = outcomes.ended(run.facts)
    if ended is None:
        return formats.DASH
    return _(ENDS[ended.how]).format(done=f"{ended.done:,}", asked=f"{ended.asked:,}")


def _fact(run: Run, key: str, write: Callable[[Any], object]) -> str:
    value = run.facts.get(key)
    return formats.DASH if value is None else str(write(value))


def scores_figure(runs: Sequence[Run], **look: bool) -> go.Figure:
    """Scores between 0 and 1 with intervals, each beside what the grey control reached."""
    scored = [run for run in runs if run.evaluation]
    scores: dict[str, dict[str, Bounded]] = {}
    controls: dict[str, dict[str, float | None]] = {}
    for run in scored:
        evaluation = run.evaluation or {}
        patch, grey = evaluation["patch"], evaluation["controls"].get("grey", {})
        scores[numbered_name(run)] = {_directed(key): score_of(patch, key) for key in SHARES}
        controls[numbered_name(run)] = {_directed(key): grey.get(key) for key in SHARES}
    return score_bars(
        scores,
        controls,
        control=_(CONDITIONS["grey"]),
        title=_("Scores with 95% intervals"),
        **look,
    )


def _directed(key: str) -> str:
    """A score's title with the direction in which patches are stronger."""
    return f"{_(SCORES[key])} {'↑' if key in HIGHER_IS_STRONGER else '↓'}"


def scores_alt(runs: Sequence[Run]) -> str:
    """What the chart of scores says, in a sentence."""
    words = _("{run}: ASR {asr}, AP50 {ap50}")
    scored = [(numbered_name(run), run.evaluation["patch"]) for run in runs if run.evaluation]
    return "; ".join(
        words.format(run=name, asr=formats.score(scores, "asr"), ap50=formats.score(scores, "ap50"))
        for name, scores in scored
    )


def parallel_figure(runs: Sequence[Run], **look: bool) -> go.Figure | None:
    """Differing settings and scores on parallel axes; None with fewer than two runs or axes."""
    if len(runs) < 2:
        return None
    settings = list(service.differing(runs).items())[:LARGEST_DIFFERENCE]
    axes = {
        setting_name(name): Axis(places=places(values), texts=[named_value(name, each) for each in values])
        for name, values in settings
    }
    if all(run.evaluation for run in runs):
        for key in ("asr", "confidence_retained", "ap50", "disappearance"):
            scores = [score_of((run.evaluation or {})["patch"], key) for run in runs]
            if all(value is not None for value, _low, _high in scores):
                axes[_directed(key)] = _score_axis(scores)
    if len(axes) < 2:
        return None
    title = _("Settings and scores")
    return parallel_axes(axes, [numbered_name(run) for run in runs], title=title, **look)


def _score_axis(scores: Sequence[Bounded]) -> Axis:
    """An axis from 0 to 1 for every score: on one of its own range noise would look like a trend."""
    figures = [value or 0.0 for value, _low, _high in scores]
    return Axis(
        places=figures,
        texts=[formats.number(figure) for figure in figures],
        spans=[(low, high) for _value, low, high in scores],
        ends=("0", "1"),
    )
