# SPDX-License-Identifier: AGPL-3.0-only
"""Compare, its report and Benchmarks as a person uses them; the report opens without a network."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.dashboard.browser.serving import page_at, settle


def test_a_comparison_is_saved_as_a_report_that_opens_offline(
    browser: Browser, served: str, tmp_path: Path
) -> None:
    saved = tmp_path / "report.html"
    with page_at(browser, f"{served}/compare?runs=1,3") as (tab, errors):
        tab.locator(".js-plotly-plot .barlayer .point").first.wait_for()
        with tab.expect_download() as download:
            tab.get_by_role("button", name="HTML report").click()
        download.value.save_as(saved)
        assert download.value.suggested_filename == "patchbench-report-1-3.html"
        assert errors == []
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        asked: list[str] = []
        errors = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(saved.as_uri())
        page.locator(".js-plotly-plot .barlayer .point").first.wait_for()
        assert page.locator(".js-plotly-plot").count() == 3
        assert page.locator(".patches img").count() == 2
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert errors == []
    finally:
        context.close()


def test_a_suite_opens_from_the_list_and_the_list_from_it(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/benchmarks") as (tab, errors):
        tab.get_by_role("link", name="Charts and measurements: merge").click()
        tab.get_by_role("heading", name="Is one patch per group").wait_for()
        assert "suite=merge" in tab.url
        tab.reload()
        settle(tab)
        tab.get_by_role("heading", name="Is one patch per group").wait_for()
        tab.get_by_role("link", name="All suites").click()
        tab.get_by_role("link", name="Charts and measurements: loader").wait_for()
        assert errors == []


def test_the_presentation_mode_shows_no_controls(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/compare?runs=1,3&present=True") as (tab, errors):
        tab.locator(".js-plotly-plot .barlayer .point").first.wait_for()
        assert not tab.get_by_role("button", name="HTML report").is_visible()
        assert not tab.get_by_text("Smoothing").is_visible()
        assert errors == []
