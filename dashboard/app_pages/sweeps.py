# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps: many settings tried, what they came to, which of them matter, and the best patches."""

from __future__ import annotations

from dashboard.components import controls, guarded, live, page_title
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import changed, kept
from dashboard.parts.job_lines import jobs_at_work
from dashboard.parts.sweeps import start, view
from dashboard.parts.sweeps.names import sweep_name
from dashboard.services import sweeps
from dashboard.services.sweeps import Sweep


def chosen_sweep(found: list[Sweep]) -> Sweep:
    """The sweep to show: that of the link, else the latest."""
    known = {sweep.id: sweep for sweep in found}
    with controls("sweep-choice"):
        number = st.selectbox(
            _("Sweep"),
            list(known),
            format_func=lambda each: f"{each} {sweep_name(known[each])}",
            **kept("sweep", found[0].id, allowed=known, parse=int),
        )
    return sweeps.get(number)


def under_way(sweep_id: int) -> None:
    """The runs of a sweep that go on or wait, live; the page is drawn anew when a trial ends."""
    sweep = sweeps.get(sweep_id)
    if changed("sweeps.seen", (sweep.id, sweep.state, sweep.ended)):
        st.rerun()
    if sweep.state == "running":
        jobs_at_work(sweeps.jobs_at_work(sweep_id))


def page() -> None:
    """The whole page."""
    page_title(
        _("Sweeps"),
        _(
            "A sweep generates patches with many combinations of settings and finds the best "
            "ones. Each trial is a job; held-out images decide."
        ),
    )
    found = sweeps.find()
    start.start_form(first=not found)
    if not found:
        st.caption(_("No sweeps yet. Start one above, or with: python -m engine sweep run"))
        return
    sweep = chosen_sweep(found)
    view.situation(sweep)
    live(under_way)(sweep.id)
    view.best(sweep)
    with guarded():
        view.charts(sweep)
    if sweep.trials:
        view.trials(sweep)
    view.patches(sweep)


page()
