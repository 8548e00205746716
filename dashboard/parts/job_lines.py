# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs in lists: their titles, states and progress."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.components import go_to, kind_name, progress_line, state_badge
from dashboard.drawing import Markdown, st
from dashboard.i18n import _, ngettext
from dashboard.parts.run_names import run_name
from engine.records import Job


def job_line(job: Job) -> None:
    """A job's title beside its state, and its progress while it runs."""
    title, state = st.columns([4, 1], vertical_alignment="center")
    title.markdown(Markdown("**{name}**").format(name=job_title(job)))
    with state:
        state_badge(job.state)
    if job.state == "running":
        progress_line(job.progress)


def job_title(job: Job) -> str:
    """A job's name, or its kind and number without one."""
    return run_name(job.label) or f"{kind_name(job.kind)} {job.id}"


def jobs_at_work(found: Sequence[Job]) -> None:
    """The first of the jobs that run or wait, and how many more there are."""
    for job in found[:3]:
        with st.container(border=True):
            job_line(job)
            go_to("jobs", _("Open its job"), job=job.id)
    more = len(found) - 3
    if more > 0:
        st.caption(
            ngettext("{number} more is queued.", "{number} more are queued.", more).format(number=more)
        )
