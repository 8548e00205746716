# SPDX-License-Identifier: AGPL-3.0-only
"""A run's film: its patch at some twenty moments, with the loss and the scores that go with each."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import formats, interactive
from dashboard.charts.theme import colour
from dashboard.components import SCORES
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.interactive import Curve, data_uri
from dashboard.services import films
from dashboard.services.films import Moment

SCORED = ("asr", "confidence_retained", "ap50")  # in the order of their colours


def film(job_id: int) -> None:
    """The film of a run under a heading; nothing where it has fewer than two moments."""
    moments = films.moments(job_id)
    if len(moments) < 2:
        return
    st.subheader(_("Evolution"), anchor=False)
    interactive.film(
        [(data_uri(moment.picture, "webp"), said(moment)) for moment in moments],
        curves(moments),
        alt=_("The patch of job {job} from the first step.").format(job=job_id),
        key=f"film-{job_id}",
    )
    if any(moment.scores for moment in moments):
        st.caption(
            _("Scores are measured on held-out images. Snapshots are spaced logarithmically over the steps.")
        )
    else:
        st.caption(_("Snapshots are spaced logarithmically over the steps."))


def said(moment: Moment) -> str:
    """A moment in words: where it is in the run, its loss and its scores."""
    if not moment.step:
        return _("Before the first step")
    facts = [
        _("Step {step}, iteration {iteration}").format(
            step=f"{moment.step:,}", iteration=f"{moment.iteration:,}"
        )
    ]
    if moment.loss is not None:
        facts.append(f"{_('Loss')} {formats.number(moment.loss, 3)}")
    facts += [
        f"{_(SCORES[name])} {_figure(name, moment.scores[name])}" for name in SCORED if name in moment.scores
    ]
    return " · ".join(facts)


def _figure(name: str, value: float) -> str:
    return formats.percent(value) if name == "asr" else formats.number(value)


def curves(moments: Sequence[Moment]) -> list[Curve]:
    """The loss between its least and its most, and the scores from 0 to 1."""
    losses = [moment.loss for moment in moments if moment.loss is not None]
    low, span = min(losses, default=0.0), (max(losses, default=1.0) - min(losses, default=0.0)) or 1.0
    found = [
        Curve(
            name=_("Loss"),
            colour=colour(0),
            values=[None if moment.loss is None else (moment.loss - low) / span for moment in moments],
        )
    ]
    for ink, name in enumerate(SCORED, start=1):
        values = [moment.scores.get(name) for moment in moments]
        if any(value is not None for value in values):
            found.append(Curve(name=_(SCORES[name]), colour=colour(ink), values=values))
    return found
