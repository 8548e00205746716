# SPDX-License-Identifier: AGPL-3.0-only
"""The button that saves the report of a run or of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dashboard.downloads import save_button
from dashboard.i18n import _, language
from dashboard.report import report_html


def report_button(job_ids: Sequence[int]) -> None:
    """Offer the HTML report of finished generations; it is made when it is asked for.

    Args:
        job_ids: of one run, or of those to compare; generations that succeeded.
    """
    numbers = "-".join(map(str, job_ids))
    save_button(
        _("HTML report"),
        partial(report_html, tuple(job_ids), code=language()),
        f"patchbench-report-{numbers}.html",
        "text/html",
        key=f"report-{numbers}",
        help=_("One HTML file with settings, scores, loss and patches that opens offline."),
        icon=":material/description:",
    )
