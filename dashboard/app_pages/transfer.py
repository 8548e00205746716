# SPDX-License-Identifier: AGPL-3.0-only
"""Transfer: heat maps of what patches do to detectors, those too that they were not made on."""

from __future__ import annotations

from dashboard import formats
from dashboard.components import controls, guarded, live, page_title
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import kept
from dashboard.parts.job_lines import jobs_at_work
from dashboard.parts.transfer import start, view
from dashboard.services import matrices
from dashboard.services.matrices import Matrix


def under_way() -> None:
    """The matrices that are scored or wait, live; the page is drawn anew when a cell or a job ends."""
    jobs = matrices.active()
    now = ([job.id for job in jobs], sum(each.ended for each in matrices.find()) if jobs else 0)
    before = st.session_state.get("transfer.jobs")
    st.session_state["transfer.jobs"] = now
    if before is not None and before != now and before[0]:
        matrices.get.clear()
        st.rerun()
    jobs_at_work(jobs)


def chosen_matrix(found: list[Matrix]) -> Matrix:
    """The matrix to show: that of the link, else the latest."""
    known = {matrix.id: matrix for matrix in found}
    with controls("matrix-choice"):
        number = st.selectbox(
            _("Matrix"),
            list(known),
            format_func=lambda each: f"{each} {known[each].label} · {formats.moment(known[each].started_at)}",
            **kept("matrix", found[0].id, allowed=known, parse=int),
        )
    return matrices.get(number)


def page() -> None:
    """The whole page."""
    page_title(
        _("Transfer"),
        _(
            "A patch made on one detector may fool others. A matrix scores patches on several "
            "detectors and datasets, together with clean images, a grey patch and noise."
        ),
    )
    found = matrices.find()
    start.start_form(first=not found)
    live(under_way)()
    if not found:
        st.caption(_("No matrices yet. Start one above, or with: python -m engine matrix run"))
        return
    matrix = chosen_matrix(found)
    view.situation(matrix)
    metric = view.metric_choice()
    with guarded():
        view.heat_maps(matrix, metric)
    view.failures(matrix)
    view.downloads(matrix)
    view.cell_images(matrix)


page()
