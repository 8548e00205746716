# SPDX-License-Identifier: AGPL-3.0-only
"""The button that saves a report."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script() -> None:
    from dashboard.parts.report_button import report_button

    report_button([3, 4])


def test_the_report_is_named_after_its_runs_and_made_only_when_asked_for() -> None:
    app = AppTest.from_function(script).run(timeout=30)
    assert not app.exception  # there are no such runs: nothing was read yet
    (button,) = app.get("download_button")
    assert button.proto.label == "HTML report"
    assert button.proto.id.endswith("report-3-4")
