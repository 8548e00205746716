# SPDX-License-Identifier: AGPL-3.0-only
"""The views with the most on them, for people who see little contrast, use no mouse or have a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from engine.store.repository import Repository
from tests.dashboard.browser.accessibility import sideways_px, violations
from tests.dashboard.browser.filled import fill_all
from tests.dashboard.browser.serving import THEMES, go, page_at, serving, settle, show_as

# Beside the pages themselves, which test_pages looks at with less on them; each has another heading than
# the one before it.
VIEWS = (
    *("patches?patch=1", "patches?runs.view=pictures", "jobs?job=1", "compare?runs=1,2,3"),
    *("transfer", "sweeps", "benchmarks?suite=precision&lang=ko"),
)
TABS = 80  # presses of Tab after which what is looked for should have come


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard with something on every page, and pictures that are drawn already."""
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATCHBENCH_HOME", str(home))
        patched.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)
        with Repository() as repository:
            fill_all(repository)
    with serving(home) as url:
        yield url


def test_nobody_is_kept_out_and_a_phone_shows_all_of_it(browser: Browser, filled: str) -> None:
    with page_at(browser, f"{filled}/{VIEWS[0]}") as (tab, errors):
        for view in VIEWS:
            if view != VIEWS[0]:
                go(tab, f"/{view}")
            for theme in THEMES:
                show_as(tab, "desktop", theme)
                settle(tab)
                assert violations(tab, colours=theme != THEMES[0]) == [], (view, theme)
            show_as(tab, "phone", THEMES[-1])
            settle(tab)
            assert sideways_px(tab) <= 0, view
            assert errors == [], view


def tab_to(tab: Page, name: str) -> None:
    """Press Tab until what has a name has the focus, in a component's own tree too."""
    focused = """() => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        if (!at?.matches("a, button, input")) return "";
        return [at?.ariaLabel, at?.textContent, at?.placeholder, at?.labels?.[0]?.textContent].join(" ");
    }"""
    for _press in range(TABS):
        if name in tab.evaluate(focused):
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"expected {name!r} within {TABS} presses of Tab")


def test_keys_alone_open_a_run_and_move_its_pictures(browser: Browser, filled: str) -> None:
    with page_at(browser, f"{filled}/transfer") as (tab, errors):
        tab_to(tab, "Runs and patches")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Runs and patches", level=1).wait_for()
        settle(tab)
        tab_to(tab, "Open a run")
        tab.keyboard.type("Run 0")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Run 0", level=1).wait_for()
        settle(tab)
        tab_to(tab, "Present as slides")
        tab.keyboard.press("Enter")
        stage = tab.get_by_role("dialog")
        stage.get_by_role("heading", name="Hides").wait_for()
        for number in (2, 3, 4, 5, 5):
            tab.keyboard.press("ArrowRight")
            stage.get_by_text(f"{number} / 5").wait_for()
        assert stage.bounding_box()["width"] == tab.viewport_size["width"]  # no sidebar beside it
        tab.keyboard.press("Escape")
        stage.wait_for(state="hidden")
        tab_to(tab, "Moves the divider between the two images")
        tab.keyboard.press("ArrowLeft")
        edge = tab.get_by_label("Moves the divider between the two images").first
        assert edge.evaluate("each => each.parentElement.style.getPropertyValue('--at')") == "49%"
        assert "1 of 1 hidden" in tab.locator("figcaption").first.inner_text()
        tab_to(tab, "Snapshot of the run")
        tab.keyboard.press("Home")
        tab.get_by_text("Before the first step").wait_for()
        tab.keyboard.press("ArrowRight")
        tab.get_by_text("Step 1, iteration 1").wait_for()
        assert errors == []


def test_keys_alone_choose_runs_compare_them_and_go_past_the_table(browser: Browser, filled: str) -> None:
    with page_at(browser, f"{filled}/patches") as (tab, errors):
        tab_to(tab, "Select by name")
        tab.keyboard.press("Enter")
        tab.wait_for_function("document.activeElement.closest('[data-testid=stPopoverBody]')")
        for name in ("Run 0", "Run 1"):
            tab.keyboard.type(name)
            tab.get_by_role("option", name=name).wait_for()
            tab.keyboard.press("Enter")
        tab.get_by_text("2 runs selected.").wait_for()
        for _press in range(TABS):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.matches('canvas')"):
                break
        assert tab.evaluate("document.activeElement.matches('canvas')")
        tab.keyboard.press("Tab")
        settle(tab)
        assert tab.locator("[data-testid=stPopoverBody]").count() == 0
        assert tab.get_by_role("heading", level=1).inner_text() == "Runs and patches"  # no run was opened
        assert not tab.evaluate("document.activeElement.matches('canvas')")
        tab.keyboard.press("Shift+Tab")
        for _press in range(TABS):
            if "Compare" in tab.evaluate("document.activeElement.innerText ?? ''"):
                break
            tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Compare", level=1).wait_for()
        settle(tab)
        assert "runs=" in tab.url
        assert errors == []
