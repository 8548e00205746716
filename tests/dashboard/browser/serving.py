# SPDX-License-Identifier: AGPL-3.0-only
"""Serves the dashboard on a free port and opens it in Debian's Chromium, for tests and for screenshots."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    ElementHandle,
    Error,
    Page,
    sync_playwright,
)

from tests.engine.jobs.processes import kill, previewers

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
START_S = 60
PATIENCE_MS = 60_000
QUIET_MS = 120  # longer than Streamlit and Plotly wait for the last of many changes of a window's size
ANSWER_MS = 2000  # within which a script that is asked to run begins; not all that is sent asks for it
MAIN = """document.querySelector('[data-testid="stMain"]')"""
# Whether a page is there below its title (null: any): its script has ended, nothing of another page is
# left, and nothing is still being loaded or drawn.
DRAWN = """title => {
  const there = selector => document.querySelector(selector) !== null
  return [null, document.querySelector('h1')?.innerText].includes(title)
    && there('[data-testid="stApp"][data-test-script-state="notRunning"]')
    && !there('[data-testid="stSkeleton"], [data-stale="true"]')
    && !there('.stPlotlyChart:not(:has(.main-svg)), .stVegaLiteChart:not(:has(.marks))')
}"""
# In each page of a test's tab: when it changed last, and when its script was asked to run and has not begun.
NOTES = """{
  const never = -Infinity
  window.noted = {changed: never, asked: never, framed: false}
  const began = each => each.attributeName === 'data-test-script-state' && each.oldValue === 'notRunning'
  new MutationObserver(changes => {
    noted.changed = performance.now()
    if (changes.some(began)) noted.asked = never
  }).observe(document, {subtree: true, childList: true, characterData: true, attributeOldValue: true})
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (...message) {
    noted.asked = performance.now()
    return send.apply(this, message)
  }
}"""
# A new size or theme of the window comes with the next frame.
NEXT_FRAME = """() => {
  noted.framed = false
  requestAnimationFrame(() => requestAnimationFrame(() => {
    noted.framed = true
    noted.changed = performance.now()
  }))
}"""
# Whether it has the system's theme and its fonts, nothing moves to an end, and nothing has changed lately.
STILL = """([quiet, answer]) => {
  const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  const ends = each => each.playState === 'running' && each.effect?.getComputedTiming().endTime < Infinity
  const [changed, asked] = [noted.changed, noted.asked].map(then => performance.now() - then)
  return noted.framed && changed > quiet && asked > answer
    && getComputedStyle(document.querySelector('[data-testid="stApp"]')).colorScheme === theme
    && document.fonts.status === 'loaded' && !document.getAnimations().some(ends)
}"""


def chromium() -> str | None:
    """Debian's Chromium, or None where it is not installed."""
    return shutil.which("chromium")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    home: Path, port: int | None = None, *, options: Sequence[str] = (), **environment: str
) -> Iterator[str]:
    """The dashboard over a home, without a worker; gives its address."""
    port = port or free_port()
    process = start(home, port, "--no-worker", *options, **environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        kill(previewers(home))


def start(home: Path, port: int, *options: str, **environment: str) -> subprocess.Popen[bytes]:
    """Serve the dashboard over a home; returns once it answers."""
    command = [sys.executable, "-m", "dashboard", "--port", str(port), *options]
    variables = {**os.environ, **environment, "PATCHBENCH_HOME": str(home)}
    home.mkdir(parents=True, exist_ok=True)
    with (home / "served.log").open("a") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
    _await(f"http://127.0.0.1:{port}/_stcore/health", process, home / "served.log")
    return process


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the dashboard did not start: {log.read_text()}")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_at(
    browser: Browser, url: str, size: str = "desktop", theme: str = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """A tab on an address, once it is drawn, and the errors on its console so far.

    It may be one that an earlier test left: its process of the browser has Streamlit's scripts in memory.
    """
    there = urlsplit(url)
    free = free_tabs(browser, there.netloc)
    tab = free.pop() if free else new_tab(browser, there.netloc)
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        # On a page's address Streamlit asks below it first for what lies at the root, and is told 404.
        if message.type == "error" and not ("404" in message.text and "/_stcore/" in url):
            errors.append(f"{message.text} {url}")

    def fail(error: Error) -> None:
        errors.append(str(error))

    tab.on("console", note)
    tab.on("pageerror", fail)
    try:
        show_as(tab, size, theme)
        tab.goto(url)
        settle(tab)
        yield tab, errors
        tab.remove_listener("console", note)
        tab.remove_listener("pageerror", fail)
        tab.goto(f"{there.scheme}://{there.netloc}/_stcore/health")
        free.append(tab)
    finally:
        if tab not in free:
            tab.close()


@functools.cache
def free_tabs(browser: Browser, host: str) -> list[Page]:
    """A visitor's tabs that no test uses now."""
    return []


@functools.cache
def visitor(browser: Browser, host: str) -> BrowserContext:
    """A person's browser at one dashboard, which keeps the dashboard's scripts from tab to tab."""
    return browser.new_context(locale="en-GB")


def new_tab(browser: Browser, host: str) -> Page:
    """A visitor's further tab, with `NOTES`."""
    tab = visitor(browser, host).new_page()
    tab.add_init_script(NOTES)
    return tab


def show_as(tab: Page, size: str, theme: str) -> None:
    """Give the tab a window of one of `SIZES` and the system one of `THEMES`."""
    width, height = SIZES[size]
    tab.set_viewport_size({"width": width, "height": height})
    tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")


def drawn_on(tab: Page, chart: ElementHandle, before: str) -> bool:
    """Wait until lines are drawn anew; whether that was into the chart that was there.

    Args:
        tab: where the chart is.
        chart: its `svg`.
        before: what its first line was.
    """
    tab.wait_for_function(
        "([svg, before]) => !svg.isConnected"
        " || svg.querySelector('.mark-line path').getAttribute('d') !== before",
        arg=[chart, before],
    )
    return bool(chart.evaluate("svg => svg.isConnected"))


def settle(tab: Page) -> None:
    """Wait until the page is drawn and nothing more comes."""
    tab.get_by_role("heading", level=1).first.wait_for(timeout=PATIENCE_MS)
    tab.evaluate(NEXT_FRAME)
    settled = f"within => ({DRAWN})(null) && ({STILL})(within)"
    tab.wait_for_function(settled, arg=[QUIET_MS, ANSWER_MS], timeout=PATIENCE_MS, polling=30)


def go(tab: Page, address: str) -> None:
    """Open another view in the tab as Back would, which spares loading Streamlit's scripts once more.

    Args:
        tab: where a view with another heading is.
        address: the view's, from the dashboard's root.
    """
    before = tab.evaluate("document.querySelector('h1')?.innerText")
    tab.evaluate(
        "address => { history.replaceState({}, '', address); dispatchEvent(new PopStateEvent('popstate')) }",
        address,
    )
    left = f"before => document.querySelector('h1')?.innerText !== before && ({DRAWN})(null)"
    tab.wait_for_function(left, arg=before, timeout=PATIENCE_MS)
    settle(tab)


def refreshed(tab: Page) -> None:
    """Wait until a part of the page that shows how time passes is drawn anew."""
    before = tab.evaluate(f"{MAIN}.innerText")
    anew = f"before => {MAIN}.innerText !== before"
    tab.wait_for_function(anew, arg=before, timeout=PATIENCE_MS, polling=100)
