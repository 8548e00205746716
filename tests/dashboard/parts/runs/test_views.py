# SPDX-License-Identifier: AGPL-3.0-only
"""Views of many runs where there is nothing to see; filled ones are seen in the page's own test."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.dashboard.reading import texts


def page() -> None:
    from dashboard.parts.runs import views

    views.groups([], ["asr"])
    views.dots([])
    views.parallel([])


def test_no_runs_are_told() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert texts(app).splitlines() == [
        "No runs match. Change the filter.",
        "Nothing to plot: these runs do not have two numeric columns.",
        "Nothing to plot: you need two scored runs with different settings.",
    ]
