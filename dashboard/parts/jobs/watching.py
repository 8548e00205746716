# SPDX-License-Identifier: AGPL-3.0-only
"""Two scenes beside the patch while its run goes on, with their detections fading."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from dashboard.components import controls
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.outcome import image_badge
from dashboard.services import watching
from engine.records import Job

EVERY_S = 20.0
STATE = "jobs.watching"


@dataclass(kw_only=True)
class Watched:
    """What a session has of a run's scenes.

    Attributes:
        job: its number.
        asked: the key of what is awaited; empty if nothing is.
        asked_at: monotonic seconds of the latest request.
        changed_at: when the patch that was asked for last had been written.
        shown: the scenes, JPEG.
        error: why the latest could not be drawn.
    """

    job: int
    asked: str = ""
    asked_at: float = -EVERY_S
    changed_at: int = 0
    shown: list[bytes] = field(default_factory=list)
    error: str = ""


def watched_switch(job: Job) -> bool:
    """Whether the scenes are drawn: not by itself where the detector would take time from the run."""
    with controls("jobs-watching"):
        return bool(
            st.toggle(
                _("Show two scenes live"),
                help=_(
                    "Every 20 seconds, the detector runs on two images with the current patch. On "
                    "a CPU this slows the run by a few percent."
                ),
                **kept("jobs.scenes", job.running_on != "cpu", parse=lambda text: text == "True"),
            )
        )


def scenes(job: Job) -> None:
    """The scenes as they were drawn last; asks for new ones when it is time."""
    state = st.session_state.get(STATE)
    if state is None or state.job != job.id:
        state = st.session_state[STATE] = Watched(job=job.id)
    places, unseen = watching.scenes(job.id)
    if state.asked:
        _take(state)
    else:
        _ask(state, job, places)
    if state.error:
        st.caption(_("The scenes cannot be rendered: {why}").format(why=state.error))
    elif not state.shown and state.asked:
        st.caption(_("Detecting objects in two scenes with the current patch …"))
    if state.shown:
        image_badge(not unseen)
        for column, picture in zip(st.columns(watching.SCENES), state.shown, strict=False):
            text = _("With the current patch. Fainter boxes have lower scores.")
            column.image(picture, alt=text, caption=text, width="stretch")


def _take(state: Watched) -> None:
    preview = watching.answer(state.asked)
    if preview is None:
        state.asked = ""
    elif preview.state == "failed":
        state.asked, state.error = "", preview.error or ""
    elif preview.answer is not None:
        state.asked, state.error, state.shown = "", "", watching.taken(preview)


def _ask(state: Watched, job: Job, places: list[int]) -> None:
    patch = watching.live_patch(job.id)
    if patch is None or not places or time.monotonic() - state.asked_at < EVERY_S:
        return
    changed_at = patch.stat().st_mtime_ns
    if changed_at != state.changed_at:
        state.asked = watching.ask(job, patch, places).key
        state.asked_at, state.changed_at = time.monotonic(), changed_at
