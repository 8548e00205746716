# SPDX-License-Identifier: AGPL-3.0-only
"""Each page in a real browser: large and small, light and dark, without an error, for everybody."""

from __future__ import annotations

from itertools import product

import pytest
from playwright.sync_api import Browser

from dashboard.navigation import PAGES
from tests.dashboard.browser.accessibility import sideways_px, violations
from tests.dashboard.browser.serving import SIZES, THEMES, drawn_on, page_at, settle, show_as

LOOKS = tuple(product(SIZES, THEMES))


@pytest.mark.parametrize(("number", "page"), list(enumerate(PAGES)))
def test_a_page_is_drawn_without_errors_for_everybody(
    browser: Browser, served: str, number: int, page: str
) -> None:
    """Opened in one look, another from page to page, and seen in the others: opening it takes the time.

    A phone is looked at in one theme: what does not fit its width does so in both.
    """
    path = "" if page == "overview" else page
    first = number % len(LOOKS)
    looks = LOOKS[first:] + LOOKS[:first]
    phone = next(look for look in looks if look[0] == "phone")
    seen = next(look for look in looks if look[0] != "phone")
    with page_at(browser, f"{served}/{path}", *looks[0]) as (tab, errors):
        for look in (each for each in looks if each == phone or each[0] != "phone"):
            show_as(tab, *look)
            settle(tab)
            assert tab.get_by_role("alert").filter(has_text="Something went wrong").count() == 0, look
            assert tab.locator('[data-testid="stException"]').count() == 0, look
            assert sideways_px(tab) <= 0, look
            assert look == phone or violations(tab, colours=look != seen) == [], look
            assert errors == [], look


def test_a_link_opens_the_language_and_the_mode_again(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/hardware?lang=ko&present=True") as (tab, errors):
        assert tab.get_by_role("heading", level=1).inner_text() == "하드웨어"
        tab.reload()
        settle(tab)
        assert tab.get_by_role("heading", level=1).inner_text() == "하드웨어"
        tab.get_by_role("link", name="개요").click()
        tab.get_by_role("heading", name="최근 패치").wait_for()
        settle(tab)
        assert "lang=ko" in tab.url
        assert errors == []


def test_the_live_load_is_drawn_on_without_being_taken_away(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/hardware") as (tab, errors):
        chart = tab.locator('[data-testid="stVegaLiteChart"] svg').first
        chart.wait_for()
        node, lines = chart.element_handle(), chart.locator(".mark-line path").first
        for _refresh in range(2):
            assert drawn_on(tab, node, lines.get_attribute("d"))
        assert errors == []
