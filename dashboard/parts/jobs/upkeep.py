# SPDX-License-Identifier: AGPL-3.0-only
"""Below the list of jobs: the disk that all of it takes, and how true estimates were; read when opened."""

from __future__ import annotations

from dashboard import formats
from dashboard.charts.jobs import estimates_beside_truth
from dashboard.components import chart, controls, folded, look
from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.jobs.controls import asked_twice
from dashboard.services import upkeep


def storage() -> None:
    """The disk's use, and what may go."""
    box = folded(_("Storage"), ":material/hard_drive:", key="jobs-storage")
    if box is None:  # looking through all folders takes a while
        return
    with box:
        used = upkeep.usage()
        parts = {
            _("Jobs"): sum(used.jobs.values()),
            _("Patches"): used.patches,
            _("Runs from the command line"): used.runs,
            _("Previews"): used.previews,
            _("Uploads"): used.uploads,
            _("Database"): used.database,
            _("Logs"): used.logs,
            _("Other (weights, downloads)"): used.other,
            _("Total"): used.total,
        }
        st.dataframe(
            [{_("Item"): name, _("Size"): formats.bytes_text(size)} for name, size in parts.items()],
            hide_index=True,
        )
        with controls("storage"):
            _prune(upkeep.prunable())


def _prune(size: int) -> None:
    """Offers to remove what is not needed any more."""
    if not size:
        st.caption(_("Nothing to clean up: no checkpoints of ended jobs, no previews, no unused uploads."))
        return
    asked_twice(
        _("Clean up {size}").format(size=formats.bytes_text(size)),
        _(
            "Removes checkpoints of ended jobs, previews (which can be rendered again), and "
            "uploaded archives that no dataset uses."
        ),
        _("Clean up now"),
        _pruned,
        icon=":material/cleaning_services:",
        key="prune",
    )


def _pruned() -> None:
    """Remove it and say how much that was."""
    st.toast(_("{size} freed.").format(size=formats.bytes_text(upkeep.prune())))
    st.rerun()


def estimates() -> None:
    """How true the estimates were."""
    box = folded(_("How accurate were the estimates?"), ":material/query_stats:", key="jobs-estimates")
    if box is None:
        return
    with box:
        pairs = upkeep.estimate_errors()
        if not pairs:
            st.caption(_("No finished run has an estimate yet."))
            return
        figure = estimates_beside_truth(
            [(_("Job {job}").format(job=job), estimated, actual) for job, estimated, actual in pairs],
            title=_("Run time: estimated and actual (s)"),
            x_title=_("Estimated (s)"),
            y_title=_("Actual (s)"),
            equal=_("as estimated"),
            **look(),
        )
        chart(figure, alt=_("One point per run: actual against estimated time."), key="estimate-errors")
