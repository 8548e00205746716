# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs: the queue and the history, one job live, and the disk that all of it takes."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.components import (
    STATES,
    controls,
    empty_state,
    go_to,
    guarded,
    kind_name,
    live,
    page_title,
    progress_line,
    state_badge,
    state_name,
)
from dashboard.drawing import notes, st
from dashboard.i18n import N_, _, ngettext
from dashboard.page_state import choose
from dashboard.parts.film import film
from dashboard.parts.job_lines import job_title
from dashboard.parts.jobs import controls as job_controls
from dashboard.parts.jobs import upkeep, view
from dashboard.parts.jobs.watching import scenes, watched_switch
from dashboard.parts.lists import filters, linked, opener, page_number
from dashboard.parts.runs.columns import tag_colour
from dashboard.parts.runs.lineage import lineage
from dashboard.services import jobs
from dashboard.services.jobs import JobView
from engine.errors import JobError
from engine.records import Job

ORDERS = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "longest": N_("Longest first"),
    "label": N_("By name"),
}
TABLE = "jobs.table"


def row(job: Job) -> dict[str, Any]:
    """A job as a line of the table; what matters most stands within a phone's width."""
    score = (job.result and jobs.kind_of(job.kind).scores(job.result)) or {}
    return {
        _("Number"): job.id,
        _("State"): state_name(job.state),
        _("ASR"): formats.percent(score.get("patch", {}).get("asr")),
        _("Name"): job_title(job),
        _("Progress"): 1.0 if job.state == "succeeded" else round(job.progress.share or 0.0, 2),
        _("Time"): formats.duration(jobs.spent_s(job)),
        _("Type"): kind_name(job.kind),
        _("Created"): formats.moment(job.created_at),
        _("Tags"): ", ".join(job.tags),
        **({_("Node"): f"{job.node}, {job.node_device}"} if job.node else {}),
    }


def table(wanted: dict[str, Any], number: int) -> None:
    """A page of the list, live; a click opens a job."""
    shown = jobs.find(number, **wanted).rows
    if not shown:
        st.caption(_("No jobs match. Change the search or the filters."))
        return
    opened = st.session_state.get(TABLE, 0)
    picked = st.dataframe(
        [row(job) for job in shown],
        hide_index=True,
        height="content",
        key=f"{TABLE}-{opened}",  # anew after each job that it opened: what was clicked stays clicked
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            _("Number"): st.column_config.NumberColumn(width=70),
            _("State"): st.column_config.Column(width=95),
            _("ASR"): st.column_config.Column(width=60),
            _("Name"): st.column_config.Column(width=300),
            _("Progress"): st.column_config.ProgressColumn(format="percent", width="small"),
        },
        alt=_("The list of jobs."),
    )
    for index, _column in picked["selection"]["cells"]:
        if index < len(shown):
            st.session_state[TABLE] = opened + 1
            choose("job", shown[index].id)
            st.rerun()


def history() -> None:
    """All jobs with search, filters, order and pages."""
    st.subheader(_("All jobs"), anchor=False)
    with controls("jobs-filters"):
        wanted = filters(
            "jobs",
            searched=_("Name, notes, tag or error"),
            orders=ORDERS,
            states=(_("State"), STATES, state_name),
            kinds=(_("Type"), jobs.KINDS, kind_name),
        )
        found = jobs.find(1, **wanted)
        number = page_number("jobs.page", found.pages)
        rows = (found if number == 1 else jobs.find(number, **wanted)).rows
        names = {job.id: f"{job.id} · {job_title(job)}" for job in rows}
        if (named := opener(_("Open a job"), names, key="jobs.open")) is not None:
            choose("job", named)
            st.rerun()
    text = ngettext("{number} job. Click to open.", "{number} jobs. Click one to open it.", found.total)
    st.caption(text.format(number=f"{found.total:,}"))
    live(table, every_s=3)(wanted, number)


def queue() -> None:
    """What runs and what comes next."""
    running, waiting, total = jobs.now()
    if not running and not waiting:
        st.caption(_("No jobs are running or queued."))
    for job in running:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                state_badge(job.state)
                go_to("jobs", f"{job.id} · {job_title(job)}", job=job.id)
            progress_line(job.progress)
    for place, job in enumerate(waiting, start=1):
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(job.state)
            go_to("jobs", f"{place}. {job.id} · {job_title(job)}", job=job.id)
            if job.waits_for is not None:
                st.caption(_("after job {job}").format(job=job.waits_for))
    if total > len(waiting):
        more = total - len(waiting)
        st.caption(ngettext("and {number} more", "and {number} more", more).format(number=f"{more:,}"))


def one(found: JobView) -> None:
    """The view of one job."""
    job = found.job
    with controls("job-back"):
        if st.button(_("All jobs"), icon=":material/arrow_back:", key="job-back", type="tertiary"):
            choose("job", None)
            st.rerun()
    page_title(job_title(job), f"{kind_name(job.kind)} · {_('Job {job}').format(job=job.id)}")
    view.name_tab(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(job.state)
        for tag in job.tags:
            st.badge(tag, color=tag_colour(tag))  # type: ignore[arg-type]
        with controls("job-notes"):
            job_controls.notes_form(job)
    if job.notes:
        st.markdown(notes(job.notes))
    job_controls.trouble()
    with controls("job-actions"):
        job_controls.buttons(found)
        job_controls.turn(job)
    view.result(found)
    makes = jobs.kind_of(job.kind).makes
    if makes == "patch" and jobs.steps(job.id):
        with controls("job-axis"):
            view.axis_choice()
    goes_on = job.state in view.GOES_ON
    live(view.live_part, every_s=2.0 if goes_on else None)(job.id, (job.state, job.wanted))
    if jobs.kind_of(job.kind).makes == "patch":
        if job.state == "running" and watched_switch(job):
            live(scenes, every_s=3.0)(job)
        live(film, every_s=10.0 if goes_on else None)(job.id)
    view.scores(found)
    view.details(found)
    lineage(job.id if makes == "patch" else None, found.patch.id if found.patch else None)


def all_jobs() -> None:
    """The queue and the list."""
    page_title(_("Jobs"), _("Running, queued and past jobs."))
    if not jobs.find(1).total:
        empty_state(
            _("No jobs yet. Generate a patch, or run the demo from the overview."),
            page="generate",
            label=_("Generate a patch"),
        )
        return
    st.subheader(_("Now"), anchor=False)
    live(queue)()
    history()
    upkeep.estimates()
    upkeep.storage()


def page() -> None:
    """The whole page."""
    found = linked("job", jobs.view, JobError)
    if found is None:
        all_jobs()
    else:
        with guarded():
            one(found)


page()
