# SPDX-License-Identifier: AGPL-3.0-only
"""A training on its job's page: loss and validation epoch by epoch, and what came of it."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.charts.jobs import epoch_rows, epoch_spec
from dashboard.components import fact, go_to, line_chart, look
from dashboard.drawing import Markdown, st
from dashboard.i18n import _
from dashboard.services import jobs, trainings
from engine.records import Job, StepRecord

GOES_ON = ("queued", "running")


def training_curves(job: Job, found: list[StepRecord]) -> None:
    """The loss of each epoch, and its score: AP50, or of a defence the IoU."""
    if not found:
        st.caption(_("Loss and score appear here after the first epoch."))
        return
    key, title = ("ap50", _("AP50 on held-out images"))
    if jobs.kind_of(job.kind).makes == "defence":
        key, title = ("iou", _("IoU on held-out images"))
    loss, score = st.columns(2, gap="medium")
    with loss:
        _curve(job, _("Loss per epoch"), epoch_rows(found))
    scored = epoch_rows(found, key)
    with score:
        if scored["place"]:
            _curve(job, title, scored, ink=2)
        else:
            st.caption(_("No images are held out, so epochs are not scored."))


def _curve(job: Job, title: str, rows: dict[str, list[float]], *, ink: int = 0) -> None:
    spec = epoch_spec(title=title, x_title=_("Epochs"), ink=ink, **look())
    figures = rows["figure"]
    so_far = _("{title}: from {first} to {last} over {epochs} epochs.").format(
        title=title,
        first=formats.number(figures[0], 3),
        last=formats.number(figures[-1], 3),
        epochs=f"{rows['place'][-1]:,}",
    )
    line_chart(rows, spec, alt=title if job.state in GOES_ON else so_far)


def trained(job_id: int, facts: dict[str, Any]) -> None:
    """What a training made, and the ways on from there.

    Args:
        job_id: the training.
        facts: content of its `training.json`.
    """
    best, last, epochs = st.columns(3)
    fact(best, _("AP50, best"), formats.number(facts["ap50"], 3), _epoch(facts["best_epoch"]))
    fact(last, _("AP50, last"), formats.number(facts["ap50_last"], 3), _epoch(facts["epochs"]))
    fact(epochs, _("Images"), f"{facts['dataset']['images']:,}", _held_out(facts["dataset"]["held_out"]))
    made = trainings.of_job(job_id)
    if made is None:
        return
    text = _("The best weights are **{name}**, saved in {path}.")
    st.markdown(Markdown(text).format(name=made.name, path=made.path))
    with st.container(horizontal=True):
        go_to("generate", _("Attack it"), detector=made.path, dataset=facts["dataset"]["name"])
        go_to("detectors", _("All detectors"))


def trained_defence(facts: dict[str, Any]) -> None:
    """What the training of a defence made, and how it is named.

    Args:
        facts: content of its `defence.json`.
    """
    found = facts["validation"]
    iou, recall, false = st.columns(3)
    fact(iou, _("IoU, best"), formats.number(found["iou"], 3), _epoch(facts["best_epoch"]))
    fact(recall, _("Patch area found"), formats.percent(found["recall"]), "")
    fact(false, _("Clean area masked"), formats.percent(found["false_area"], 2), "")
    st.markdown(_("To use this defence, refer to it as:"))
    st.code(facts["defence"], language=None, wrap_lines=True)


def _epoch(number: int) -> str:
    return _("after epoch {number}").format(number=f"{number:,}")


def _held_out(images: int) -> str:
    return _("and {number} held out").format(number=f"{images:,}")
