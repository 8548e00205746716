# SPDX-License-Identifier: AGPL-3.0-only
"""What keeps people out, as axe finds it in the browser, and pages that scroll sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.dashboard.browser.serving import MAIN, settle

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What Streamlit's own markup breaks and no page can change: rule → part of the element, and why.
STREAMLIT: dict[str, tuple[str, str]] = {}
WIDER = f"""() => Math.max(...[document.scrollingElement, {MAIN}]
  .map(each => each.scrollWidth - each.clientWidth))"""


def violations(tab: Page, *, colours: bool = False) -> list[str]:
    """What a page breaks of WCAG 2.2, A and AA, a line each, but for what `STREAMLIT` names.

    The window is left as high as the page: axe does not see the colours of what is scrolled away.

    Args:
        tab: the page.
        colours: look at the contrast alone, in another theme: nothing else differs there.
    """
    before = tab.viewport_size
    assert before is not None
    height = tab.evaluate(f"{MAIN}.scrollHeight")
    tab.set_viewport_size({"width": before["width"], "height": max(before["height"], height)})
    settle(tab)
    options = {"resultTypes": ["violations"], "runOnly": ["color-contrast"] if colours else WCAG}
    found = Axe().run(tab, options=options).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for each in found
        for node in each["nodes"]
        if each["id"] not in STREAMLIT or STREAMLIT[each["id"]][0] not in node["html"]
    ]


def sideways_px(tab: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(tab.evaluate(WIDER))
