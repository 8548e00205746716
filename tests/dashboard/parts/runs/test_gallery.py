# SPDX-License-Identifier: AGPL-3.0-only
"""Pictures of runs without a patch; filled ones are seen in the page's own test."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.dashboard.reading import texts


def page() -> None:
    from dashboard.parts.runs.gallery import gallery

    gallery([])


def test_no_patch_is_told() -> None:
    assert texts(AppTest.from_function(page).run()) == "No patches match. Change the filter."
