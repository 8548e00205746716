# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets in a real browser: a click on a bar opens its images, and the link keeps them."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.dashboard.browser.serving import page_at, settle


def test_a_click_on_a_bar_opens_its_images(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/datasets") as (tab, errors):
        bars = tab.locator(".js-plotly-plot .bars .point")
        expect(bars).to_have_count(9)
        bars.nth(1).click(force=True)
        expect(tab.get_by_text("1.png · 1 object")).to_be_visible()
        expect(tab.locator('[data-testid="stImage"] img')).to_have_count(2)
        assert "datasets.bucket=1" in tab.url
        tab.reload()
        settle(tab)
        expect(tab.get_by_text("2.png · 1 object")).to_be_visible()
        assert errors == []
