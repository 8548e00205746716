# SPDX-License-Identifier: AGPL-3.0-only
"""Generate in a real browser: a wrong setting is explained in its group, and the launch leads to the job."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.dashboard.browser.serving import page_at


def test_a_wrong_setting_is_explained_where_it_is_made(browser: Browser, served: str) -> None:
    with page_at(browser, f"{served}/generate?g.image_size=100") as (tab, errors):
        message = tab.get_by_role("alert").filter(has_text="image size: expected a multiple of 32")
        expect(message.last).to_be_visible()
        expect(tab.get_by_role("button", name="Generate the patch")).to_have_count(0)
        tab.get_by_role("spinbutton", name="Image size (px)").fill("96")
        tab.keyboard.press("Enter")
        expect(tab.get_by_role("button", name="Generate the patch")).to_be_visible()
        assert errors == []
