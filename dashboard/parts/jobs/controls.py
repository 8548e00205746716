# SPDX-License-Identifier: AGPL-3.0-only
"""What can be asked of a job: cancel, pause, resume, retry, duplicate, delete, its turn, its notes."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.components import go_to, guarded, refusal
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import choose
from dashboard.parts.run_names import name_field
from dashboard.services import jobs
from dashboard.services.jobs import JobView
from engine.errors import EngineError
from engine.records import Job

TROUBLE = "jobs.trouble"
ACTIONS = {  # action → its name, icon and what it does
    "pause": (N_("Pause"), ":material/pause:", N_("Saves a checkpoint and stops; you can resume it later.")),
    "resume": (
        N_("Resume"),
        ":material/play_arrow:",
        N_("Puts it back in the queue; it continues from its checkpoint."),
    ),
    "retry": (N_("Retry"), ":material/replay:", N_("Queues the same work as a new job, from the start.")),
}
NOTES = N_("Notes for yourself in Markdown (emphasis, lists, links). They are searchable.")
MOVES = {
    "front": (N_("Move to the front"), ":material/vertical_align_top:"),
    "up": (N_("Move up"), ":material/arrow_upward:"),
    "end": (N_("Move to the end"), ":material/vertical_align_bottom:"),
}


def buttons(found: JobView) -> None:
    """A row of what the job's state allows."""
    job, allowed = found.job, jobs.allowed_actions(found.job)
    with st.container(horizontal=True, vertical_alignment="center"):
        for action, (name, icon, help_text) in ACTIONS.items():
            if action in allowed and st.button(_(name), icon=icon, help=_(help_text), key=f"job-{action}"):
                _act(action, job)
        if "cancel" in allowed:
            asked_twice(
                _("Cancel"),
                _(
                    "Cancelling ends the job permanently; a run's last patch is kept. To continue it "
                    "later, pause it instead."
                ),
                _("Cancel this job"),
                lambda: _act("cancel", job),
                icon=":material/cancel:",
                key="job-cancel",
            )
        if jobs.kind_of(job.kind).makes == "patch":
            go_to("generate", _("Duplicate with changes"), from_job=job.id)
        if job.state != "running":
            asked_twice(
                _("Delete"),
                _("Removes the job with its steps, log and files. Its patch stays on the Patches page."),
                _("Delete this job"),
                lambda: _delete(job),
                icon=":material/delete:",
                key="job-delete",
            )


def asked_twice(
    label: str, question: str, confirm: str, action: Callable[[], None], *, icon: str, key: str
) -> None:
    """A button that opens a question; only the second button acts."""
    with st.popover(label, icon=icon, key=f"{key}-ask"):
        st.markdown(question)
        if st.button(confirm, type="primary", icon=icon, key=key):
            with guarded():
                action()


def _act(action: str, job: Job) -> None:
    with guarded():
        try:
            choose("job", jobs.act(action, job.id).id)
        except EngineError as error:
            # The state may have changed all the same: the page is drawn anew and then shows it.
            st.session_state[TROUBLE] = str(error)
        st.rerun()


def trouble() -> None:
    """What went wrong with the last thing that was asked."""
    if text := st.session_state.pop(TROUBLE, None):
        refusal(text)


def _delete(job: Job) -> None:
    jobs.delete(job.id)
    choose("job", None)
    st.toast(_("Job {job} was deleted.").format(job=job.id))
    st.rerun()


def turn(job: Job) -> None:
    """When a waiting job has its turn."""
    if job.state not in ("queued", "paused"):
        return
    with st.popover(_("Queue position"), icon=":material/low_priority:", key="job-turn"):
        with st.container(horizontal=True):
            for where, (name, icon) in MOVES.items():
                if st.button(_(name), icon=icon, key=f"job-{where}"):
                    make_change(lambda where=where: jobs.move(job.id, where))  # type: ignore[misc]
        priority = st.number_input(
            _("Priority"),
            value=job.priority,
            step=1,
            help=_("Jobs with a higher number run first."),
            key="job-priority",
        )
        if st.button(_("Set priority"), key="job-set-priority", disabled=priority == job.priority):
            make_change(lambda: jobs.set_priority(job.id, int(priority)))


def make_change(change: Callable[[], object]) -> None:
    """Change something stored, and draw the page anew with it."""
    with guarded():
        change()
        st.rerun()


def notes_form(job: Job) -> None:
    """The job's name, notes and tags."""
    with (
        st.popover(_("Name, notes and tags"), icon=":material/edit_note:", key="job-notes"),
        st.form(f"job-notes-{job.id}", border=False),
    ):
        label = name_field(job.label)
        notes = st.text_area(_("Notes"), job.notes, help=_(NOTES))
        tags = st.multiselect(
            _("Tags"),
            list(job.tags),
            list(job.tags),
            accept_new_options=True,
            placeholder=_("Type a tag and press Enter"),
        )
        if st.form_submit_button(_("Save"), key="job-save"):
            make_change(lambda: jobs.edit(job.id, label=label, notes=notes, tags=tags))
