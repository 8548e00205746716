# SPDX-License-Identifier: AGPL-3.0-only
"""The list of pages."""

from __future__ import annotations

from dashboard.navigation import PAGES, pages


def test_the_overview_opens_first_and_every_page_has_its_script() -> None:
    assert next(iter(PAGES)) == "overview"
    assert list(pages()) == list(PAGES)
