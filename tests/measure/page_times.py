# SPDX-License-Identifier: AGPL-3.0-only
"""How long pages take with very many runs and steps stored: `python -m tests.measure.page_times`."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click
import numpy as np
import streamlit as st
from playwright.sync_api import Browser, Page
from streamlit.testing.v1 import AppTest

from dashboard.navigation import PAGES
from engine.store.repository import Repository
from tests.dashboard.browser.serving import DRAWN, ROOT, browsing, serving, visitor
from tests.dashboard.homes import fill
from tests.measure.query_cost import fill_steps

VIEWS = {  # page → its views: the first one that opens, then one with much on it
    "jobs": ("", "job=1"),
    "patches": ("", "patch=1"),
    "compare": ("", "runs=1,2,3,4"),
}
PATIENCE_MS = 120_000
# Milliseconds from the address to the last "largest contentful paint": what is read first is on the screen.
CONTENT = """() => new Promise(tell => new PerformanceObserver(
  found => tell(found.getEntries().at(-1).startTime)
).observe({type: 'largest-contentful-paint', buffered: true}))"""


def views() -> list[str]:
    """All views as addresses: a page and what its link asks for."""
    return [f"{page}?{query}".rstrip("?") for page in PAGES for query in VIEWS.get(page, ("",))]


def script_seconds(view: str, rounds: int) -> tuple[list[float], list[float]]:
    """How long the server takes to run a view's script: warm, but with nothing remembered of the data.

    Returns:
        Seconds on the clock, and of the processor, which a busy machine does not stretch.
    """
    page, _, query = view.partition("?")
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120).run()
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        app.query_params[name] = value
    app.switch_page(f"app_pages/{page}.py").run()

    def work() -> None:
        st.cache_data.clear()
        app.run()
        assert not app.exception
        assert app.title, view

    clock, processor = [], []
    for _ in range(rounds):
        before = time.process_time()
        clock.append(seconds(work))
        processor.append(time.process_time() - before)
    return clock, processor


def browser_seconds(home: Path, rounds: int, *, first_visit: bool = False) -> dict[str, list[list[float]]]:
    """How long a view takes in a new tab and in one that is open.

    Args:
        home: a filled one.
        rounds: how often to open each.
        first_visit: each tab is that of a browser that has never been here.

    Returns:
        View → seconds from the address of a new tab to its largest text or picture, the same to all of
        the page, and from a click in the sidebar to all of the page.
    """
    with serving(home) as url, browsing() as browser:
        for view in views():
            new_tab(browser, f"{url}/{view}").close()  # the first time, the server reads the scripts
        found = {}
        for view in views():
            opened = [
                new_tab_seconds(browser, f"{url}/{view}", first_visit=first_visit) for _ in range(rounds)
            ]
            content, whole = zip(*opened, strict=True)
            found[view] = [list(content), list(whole), click_seconds(browser, url, view, rounds)]
        return found


def new_tab(browser: Browser, address: str, *, first_visit: bool = False) -> Page:
    """A tab in which all of an address is drawn, in a browser that has been here, or else never."""
    person = browser.new_context() if first_visit else visitor(browser, urlsplit(address).netloc)
    tab = person.new_page()
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.goto(address.replace("/overview", "/"))
    tab.get_by_role("heading", level=1).first.wait_for(timeout=PATIENCE_MS)
    tab.wait_for_function(DRAWN, arg=None, timeout=PATIENCE_MS)
    return tab


def new_tab_seconds(browser: Browser, address: str, *, first_visit: bool = False) -> tuple[float, float]:
    """How long that takes: to the largest text or picture, and to all of the page."""
    tabs: list[Page] = []
    whole = seconds(lambda: tabs.append(new_tab(browser, address, first_visit=first_visit)))
    content = tabs[0].evaluate(CONTENT) / 1000
    (tabs[0].context if first_visit else tabs[0]).close()
    return content, whole


def click_seconds(browser: Browser, url: str, view: str, rounds: int) -> list[float]:
    """How long it takes to come back to a page from another one, to its list where it has one."""
    page = view.partition("?")[0]
    away = "generate" if page == "datasets" else "datasets"
    tab = new_tab(browser, f"{url}/{view}")
    try:
        title, taken = tab.get_by_role("heading", level=1).first.inner_text(), []
        title = PAGES[page][0] if page in ("jobs", "patches") else title
        for _ in range(rounds):
            follow(tab, away, PAGES[away][0])
            taken.append(seconds(lambda: follow(tab, page, title)))
        return taken
    finally:
        tab.close()


def follow(tab: Page, page: str, title: str) -> None:
    """Go to a page by the sidebar; returns when all of it is drawn below its title."""
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name=PAGES[page][0], exact=True).click()
    tab.wait_for_function(DRAWN, arg=title, timeout=PATIENCE_MS)


def seconds(work: Callable[[], None]) -> float:
    """How long some work takes on the clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def line(view: str, *taken: list[float]) -> str:
    """Median and 95th percentile of each, in milliseconds."""
    figures = [f"{np.percentile(each, at) * 1000:8.0f}" for each in taken for at in (50, 95)]
    return f"{view:24}{''.join(figures)}"


def fill_home(runs: int, steps: int) -> None:
    """Runs with patches and scores; the first ten of them have all the steps."""
    with Repository() as repository:
        fill(repository, runs=runs, steps=0)
        fill_steps(repository, steps)


@click.command()
@click.option("--runs", default=1000, show_default=True, type=click.IntRange(10))
@click.option("--steps", default=5_000_000, show_default=True, type=click.IntRange(10))
@click.option(
    "--rounds", default=20, show_default=True, type=click.IntRange(1), help="How often to open each."
)
@click.option(
    "--first-visit", is_flag=True, help="New tabs know none of Streamlit's and Plotly's scripts yet."
)
def main(runs: int, steps: int, rounds: int, first_visit: bool) -> None:
    """Fill a scratch home, then open each page again and again: its script, by address, by a click."""
    logging.disable(logging.WARNING)  # outside a server each rerun warns
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PATCHBENCH_HOME"] = folder
        fill_home(runs, steps)
        scripts = {view: script_seconds(view, rounds) for view in views()}
        opened = browser_seconds(Path(folder), rounds, first_visit=first_visit)
    click.echo(f"{runs:,} runs, {steps:,} steps, {rounds} rounds; milliseconds")
    names = ("script", "processor", "content", "new tab", "click")
    click.echo(f"{'':24}{''.join(f'{name:>10}   p95' for name in names)}")
    for view in views():
        click.echo(line(view, *scripts[view], *opened[view]))


if __name__ == "__main__":
    main()
