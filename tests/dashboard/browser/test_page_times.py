# SPDX-License-Identifier: AGPL-3.0-only
"""The times of pages are those until all of the page that was asked for is there."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.measure import page_times


def test_a_click_comes_back_to_the_list(browser: Browser, served: str) -> None:
    (taken,) = page_times.click_seconds(browser, served, "patches?patch=1", 1)
    assert taken > 0


def test_it_waits_until_the_page_asked_for_is_drawn(browser: Browser, served: str) -> None:
    tab = page_times.new_tab(browser, f"{served}/benchmarks")
    try:
        assert not tab.evaluate(page_times.DRAWN, "Compare")
        page_times.follow(tab, "compare", "Compare")
        # Its poll may be drawing again by now; the title stays.
        assert tab.get_by_role("heading", level=1).inner_text() == "Compare"
    finally:
        tab.close()
