# SPDX-License-Identifier: AGPL-3.0-only
"""A job's log: its end, or the lines with a text in them; followed as it grows, or saved."""

from __future__ import annotations

from functools import partial

from dashboard.downloads import save_button
from dashboard.drawing import st
from dashboard.i18n import _, ngettext
from dashboard.services import jobs

HEIGHT = 320


def log(job_id: int) -> None:
    """The log with its search; drawn within a part of the page that refreshes by itself."""
    with st.expander(_("Log"), icon=":material/subject:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            text = st.text_input(
                _("Search the log"),
                placeholder=_("Text to find"),
                icon=":material/search:",
                key=f"job-log-find-{job_id}",
                width=260,
            ).strip()
            follow = st.toggle(
                _("Follow"),
                value=True,
                help=_("Keep the latest lines in view."),
                key=f"job-log-follow-{job_id}",
            )
            save_button(
                _("Download the log"),
                partial(jobs.log_bytes, job_id),
                f"job-{job_id}.log",
                "text/plain",
                key=f"job-log-save-{job_id}",
                help=_("Downloads the whole log as text."),
            )
        _lines(jobs.log_lines(job_id, text), text, follow)


def _lines(lines: list[str], text: str, follow: bool) -> None:
    if text:
        found = ngettext("{number} line", "{number} lines", len(lines)).format(number=f"{len(lines):,}")
        st.caption(found)
    elif not lines:
        st.caption(_("The log is empty."))
    if lines:
        with st.container(height=HEIGHT, autoscroll=follow):
            st.code("\n".join(lines[-jobs.LOG_LINES :]), language=None, wrap_lines=True)
