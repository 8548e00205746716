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
    Page,
    sync_playwright,
)

from tests.engine.jobs.processes import kill, previewers

ROOT = Path(__file__).resolve().parents[3]
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
START_S = 60


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
    """A tab on an address, once it is drawn, and the errors on its console so far."""
    tab = visitor(browser, urlsplit(url).netloc).new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        # On a page's address Streamlit asks below it first for what lies at the root, and is told 404.
        if message.type == "error" and not ("404" in message.text and "/_stcore/" in url):
            errors.append(f"{message.text} {url}")

    tab.on("console", note)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    try:
        show_as(tab, size, theme)
        tab.goto(url)
        settle(tab)
        yield tab, errors
    finally:
        tab.close()


@functools.cache
def visitor(browser: Browser, host: str) -> BrowserContext:
    """A person's browser at one dashboard, which keeps the dashboard's scripts from tab to tab."""
    return browser.new_context(locale="en-GB")


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
    tab.get_by_role("heading", level=1).first.wait_for(timeout=60_000)
    tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)
    skeletons = '[data-testid="stSkeleton"]'  # parts of the browser's side that are still being loaded
    tab.wait_for_function(f"document.querySelectorAll('{skeletons}').length === 0", timeout=60_000)
    tab.wait_for_timeout(700)  # charts are drawn, and fonts swapped, after that
