# SPDX-License-Identifier: AGPL-3.0-only
"""The tab's title: how many jobs run, and which one has just ended, whatever page is open."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.services import jobs

PRODUCT = "PatchBench"
ENDS = {"succeeded": "\N{CHECK MARK}", "failed": "\N{BALLOT X}", "interrupted": "\N{BALLOT X}"}
_TITLE, _RUNNING, _ENDED = (f"notices.{name}" for name in ("title", "running", "ended"))


def begin() -> None:
    """A page is drawn anew, as a user did something: what was told so far has been seen."""
    st.session_state.pop(_ENDED, None)


def tab_title(title: str) -> None:
    """What the browser calls the tab, beside what the jobs do."""
    st.session_state[_TITLE] = title
    _show()


def watch(named: Callable[[str], str]) -> None:
    """Look for jobs that began or ended; the title and a short message say so.

    Args:
        named: a job's stored name → the one to show.
    """
    before: set[int] = st.session_state.get(_RUNNING, set())
    now = {job.id for job in jobs.now()[0]}
    st.session_state[_RUNNING] = now
    for number in sorted(before - now):
        state, name = jobs.state_of(number)
        if state in ENDS:
            st.session_state[_ENDED] = (number, state)
            text = {
                "succeeded": _("Job {job} succeeded: {name}"),
                "failed": _("Job {job} failed: {name}"),
                "interrupted": _("Job {job} was interrupted: {name}"),
            }[state]
            icon = ":material/check:" if state == "succeeded" else ":material/error:"
            st.toast(text.format(job=number, name=named(name)), icon=icon)
    _show()


def worded(title: str, running: int, ended: tuple[int, str] | None) -> str:
    """The whole title: `✓ Job 12 · (1) Datasets – PatchBench`.

    Args:
        title: of the page, in the session's language.
        running: number of jobs that run.
        ended: the job that ended last and its state, until a user does something.
    """
    whole = title if title == PRODUCT else f"{title} – {PRODUCT}"  # noqa: RUF001
    if running:
        whole = f"({running}) {whole}"
    if ended is None:
        return whole
    return f"{ENDS[ended[1]]} {_('Job {job}').format(job=ended[0])} · {whole}"


def _show() -> None:
    state = st.session_state
    title = worded(state.get(_TITLE, PRODUCT), len(state.get(_RUNNING, ())), state.get(_ENDED))
    st.set_page_config(page_title=title)
