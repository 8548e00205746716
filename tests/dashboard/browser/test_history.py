# SPDX-License-Identifier: AGPL-3.0-only
"""Back in a real browser: each goes one view earlier, and the page follows its address."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser.serving import page_at, settle


def at(tab: Page, address: str, heading: str) -> None:
    """Wait for an address and for the page with its heading; it must stay there."""
    for _look in range(2):
        expect(tab).to_have_url(address, timeout=30_000)
        expect(tab.locator("h1")).to_have_text([heading], timeout=30_000)  # the one before it has gone
        settle(tab)


def test_back_and_forward_go_one_view_at_a_time(browser: Browser, served: str) -> None:
    with page_at(browser, served) as (tab, errors):
        tab.get_by_role("link", name="Open").first.click()
        at(tab, f"{served}/patches?patch=3", "Run 2")
        tab.go_back()
        at(tab, f"{served}/", "PatchBench")
        tab.get_by_role("link", name="Jobs").click()
        at(tab, f"{served}/jobs", "Jobs")
        table = tab.get_by_test_id("stDataFrame").first
        table.click(position={"x": 120, "y": 90})  # the second line: below the head and the running job
        at(tab, f"{served}/jobs?job=3", "Run 2")
        tab.get_by_text("한국어").click()
        at(tab, f"{served}/jobs?job=3&lang=ko", "Run 2")
        tab.get_by_role("link", name="데이터셋").click()
        at(tab, f"{served}/datasets?lang=ko", "데이터셋")
        for address, heading in (("jobs?job=3&lang=ko", "Run 2"), ("jobs?job=3", "Run 2"), ("jobs", "Jobs")):
            tab.go_back()
            at(tab, f"{served}/{address}", heading)
        tab.go_forward()
        at(tab, f"{served}/jobs?job=3", "Run 2")
        assert errors == []


def test_back_chooses_what_was_chosen_before(browser: Browser, served: str) -> None:
    views = {"": "Objects per image", "?datasets.view=boxes": "Classes and boxes"}
    with page_at(browser, f"{served}/datasets") as (tab, errors):
        for name in ("Classes and boxes", "Repairs"):
            tab.get_by_role("radio", name=name).click(force=True)
            expect(tab.get_by_role("radio", name=name)).to_be_checked()
            settle(tab)
        for query, name in reversed(views.items()):
            tab.go_back()
            at(tab, f"{served}/datasets{query}", "Datasets")
            expect(tab.get_by_role("radio", name=name)).to_be_checked()
        assert errors == []


def test_the_name_of_the_first_page_leads_to_it(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/overview?lang=ko") as (tab, errors):
        at(tab, f"{served}/?lang=ko", "PatchBench")
        assert errors == []
