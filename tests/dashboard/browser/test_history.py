# SPDX-License-Identifier: AGPL-3.0-only
"""Back in a real browser: each goes one view earlier, and the page follows its address."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser.serving import page_at, settle


def view(tab: Page, heading: str) -> str:
    """The address below the dashboard's own, once the page with this heading is drawn."""
    expect(tab.get_by_role("heading", level=1)).to_have_text(heading, timeout=20_000)
    settle(tab)
    return tab.url.partition("//")[2].partition("/")[2]


def test_back_and_forward_go_one_view_at_a_time(browser: Browser, served: str) -> None:
    with page_at(browser, served) as (tab, errors):
        tab.get_by_role("link", name="Open", exact=False).first.click()
        assert view(tab, "Run 2") == "patches?patch=3"
        tab.go_back()
        assert view(tab, "PatchBench") == ""
        tab.get_by_role("link", name="Jobs").click()
        assert view(tab, "Jobs") == "jobs"
        table = tab.get_by_test_id("stDataFrame").first
        table.click(position={"x": 120, "y": 90})  # the second line: below the head and the running job
        assert view(tab, "Run 2") == "jobs?job=3"
        tab.get_by_text("한국어").click()
        expect(tab.get_by_role("link", name="데이터셋")).to_be_visible()
        settle(tab)
        tab.get_by_role("link", name="데이터셋").click()
        assert view(tab, "데이터셋") == "datasets?lang=ko"
        for address, heading in (("jobs?job=3&lang=ko", "Run 2"), ("jobs?job=3", "Run 2"), ("jobs", "Jobs")):
            tab.go_back()
            assert view(tab, heading) == address
        tab.go_forward()
        assert view(tab, "Run 2") == "jobs?job=3"
        assert errors == []


def test_back_chooses_what_was_chosen_before(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/datasets") as (tab, errors):
        for name in ("Classes and boxes", "Repairs"):
            tab.get_by_role("radio", name=name).click(force=True)
            expect(tab.get_by_role("radio", name=name)).to_be_checked()
            settle(tab)
        for address, name in (
            ("datasets?datasets.view=boxes", "Classes and boxes"),
            ("datasets", "Objects per image"),
        ):
            tab.go_back()
            expect(tab.get_by_role("radio", name=name)).to_be_checked()
            assert view(tab, "Datasets") == address
        assert errors == []
