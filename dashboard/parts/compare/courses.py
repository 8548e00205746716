# SPDX-License-Identifier: AGPL-3.0-only
"""The course of runs over each other: loss, and scores on the images held out, over steps or time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go

from dashboard.charts.compare import Curve, loss_curves
from dashboard.components import SCORES
from dashboard.i18n import N_, _
from dashboard.parts.run_names import numbered_name
from dashboard.services import runs as service
from dashboard.services.runs import Run
from engine.records import StepRecord

WHAT = {"loss": N_("Loss"), **{key: SCORES[key] for key in ("asr", "confidence_retained", "ap50")}}
OVER = {
    "steps": N_("Steps"),
    "iterations": N_("Iterations"),
    "seconds": N_("Seconds"),
    "clock": N_("Date and time"),
}


def figure(
    runs: Sequence[Run],
    *,
    what: str = "loss",
    over: str = "steps",
    strength: float,
    log_x: bool = False,
    log_y: bool = False,
    **look: bool,
) -> go.Figure | None:
    """The runs' courses; None where no run has one.

    Args:
        runs: in order.
        what: of `WHAT`.
        over: of `OVER`; `seconds` are since the run's start, without the time that it was paused.
        strength: of the smoothing, 0 to below 1.
        log_x, log_y: whether an axis is logarithmic.
    """
    found = {numbered_name(run): _course(run, what, over) for run in runs}
    curves = {name: curve for name, curve in found.items() if curve[1]}
    if not curves:
        return None
    return loss_curves(
        curves,
        strength=strength,
        title=_(WHAT[what]),
        x_title=_(OVER[over]),
        log_x=log_x and over != "clock",
        log_y=log_y,
        dotted=what != "loss",
        **look,
    )


def _course(run: Run, what: str, over: str) -> Curve:
    steps = service.losses(run.job.id)
    if what == "loss":
        return [_place(run, step, over) for step in steps], [step.loss for step in steps]
    validated = [each for each in service.validations(run) if each.get(what) is not None] if steps else []
    ends = [steps[_ended(steps, each["iteration"])] for each in validated]
    if over == "iterations":
        return [float(each["iteration"]) for each in validated], [each[what] for each in validated]
    return [_place(run, step, over) for step in ends], [each[what] for each in validated]


def _place(run: Run, step: StepRecord, over: str) -> Any:
    if over == "clock":
        began = datetime.fromtimestamp(run.job.started_at or run.job.created_at)
        return began + timedelta(seconds=step.elapsed_s)
    return {"steps": float(step.step), "iterations": float(step.iteration), "seconds": step.elapsed_s}[over]


def _ended(steps: Sequence[StepRecord], iteration: int) -> int:
    """Index of the last of the (thinned) steps up to the end of an iteration."""
    return max(bisect_right([step.iteration for step in steps], iteration) - 1, 0)
