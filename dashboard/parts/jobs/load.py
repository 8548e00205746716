# SPDX-License-Identifier: AGPL-3.0-only
"""What the machine was busy with while a job ran."""

from __future__ import annotations

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.load import load_chart
from dashboard.services import hardware, jobs
from engine.records import Job

SHORTEST_S = 60.0


def load(job: Job) -> None:
    """The load of this machine from a job's start to its end or now; nothing without samples."""
    samples = hardware.history_of(job)
    spent_s = jobs.spent_s(job)
    if len(samples) < 2 or job.started_at is None or spent_s is None:
        return
    load_chart(samples, zero=job.started_at, span_s=(0.0, rounded(spent_s)), alt=_("Load during the job."))
    st.caption(
        _(
            "Load of the whole machine, sampled every ten seconds by its workers. Older history "
            "is kept at a lower resolution."
        )
    )


def rounded(spent_s: float) -> float:
    """An axis's length that stays for a while as a job goes on: its chart is then drawn in place."""
    length = SHORTEST_S
    while length < spent_s:
        length *= 1.5
    return length
