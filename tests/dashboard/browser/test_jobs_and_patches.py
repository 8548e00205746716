# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs and patches in a real browser: a click in the list, a cancel while parts refresh, downloads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from engine.jobs import queue
from engine.records import Job
from engine.store.repository import Repository
from tests.dashboard.browser.serving import drawn_on, page_at, refreshed, serving, settle
from tests.dashboard.homes import add_running, fill, make_steps

# A browser that takes long from a click to asking for the file: until it is told to.
SLOW = """() => {
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function () { window.ask = () => click.call(this); };
}"""
STEPS = make_steps(random.Random(1), 60)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Job]]:
    """The address of a dashboard, the home under it and the job that says it runs."""
    home = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATCHBENCH_HOME", str(home))
        with Repository() as repository:
            fill(repository, runs=2)
            running = add_running(repository)
            repository.steps.add(running.id, STEPS[:20])
    with serving(home) as url:
        yield url, home, running


def test_a_click_in_the_list_opens_the_job_and_its_link_opens_it_again(
    browser: Browser, place: tuple[str, Path, Job]
) -> None:
    url, _home, _running = place
    with page_at(browser, f"{url}/jobs") as (tab, errors):
        table = tab.get_by_test_id("stDataFrame").first
        table.click(position={"x": 120, "y": 90})  # the second line: below the head and the running job
        tab.get_by_role("heading", name="Run 1", level=1).wait_for()
        assert "job=2" in tab.url
        tab.reload()
        settle(tab)
        assert tab.get_by_role("heading", level=1).inner_text() == "Run 1"
        tab.get_by_role("button", name="All jobs").click()
        tab.get_by_role("heading", name="Jobs", level=1).wait_for()
        assert "job=" not in tab.url
        assert errors == []


def test_a_running_jobs_charts_are_drawn_on_without_being_taken_away(
    browser: Browser, place: tuple[str, Path, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, home, running = place
    monkeypatch.setenv("PATCHBENCH_HOME", str(home))
    with page_at(browser, f"{url}/jobs?job={running.id}") as (tab, errors):
        charts = tab.locator('[data-testid="stVegaLiteChart"] svg.marks').all()
        assert len(charts) == 2
        nodes = [chart.element_handle() for chart in charts]
        for more in (STEPS[20:40], STEPS[40:]):
            before = [chart.locator(".mark-line path").first.get_attribute("d") for chart in charts]
            with Repository() as repository:
                repository.steps.add(running.id, more)
            assert [drawn_on(tab, *each) for each in zip(nodes, before, strict=True)] == [True, True]
        assert errors == []


def test_a_job_is_cancelled_while_its_part_refreshes(
    browser: Browser, place: tuple[str, Path, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, home, running = place
    with page_at(browser, f"{url}/jobs?job={running.id}") as (tab, errors):
        refreshed(tab)
        tab.get_by_role("button", name="Cancel", exact=False).first.click()
        confirm = tab.get_by_role("button", name="Cancel this job")
        confirm.wait_for()
        refreshed(tab)
        confirm.click()
        tab.get_by_text("Cancelling …").wait_for()
        assert errors == []
    monkeypatch.setenv("PATCHBENCH_HOME", str(home))
    with Repository() as repository:
        assert repository.jobs.get(running.id).wanted == "cancel"
        assert queue.job_folder(running.id).is_relative_to(home)


def test_texels_are_sharp_and_downloads_are_the_patch(
    browser: Browser, place: tuple[str, Path, Job], tmp_path: Path
) -> None:
    url, home, _running = place
    with page_at(browser, f"{url}/patches?patch=1") as (tab, errors):
        picture = tab.locator("[class*='st-key-texels-'] img").first
        assert picture.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
        width, natural = picture.evaluate("image => [image.clientWidth, image.naturalWidth]")
        assert width % natural == 0
        with tab.expect_download() as started:
            tab.get_by_role("button", name="NPY").click()
        started.value.save_as(tmp_path / "patch.npy")
        assert (tmp_path / "patch.npy").read_bytes() == (home / "jobs/1/patch.npy").read_bytes()
        assert errors == []


def test_a_slow_browser_still_gets_a_file_that_was_made_on_its_click(
    browser: Browser, place: tuple[str, Path, Job]
) -> None:
    url, home, running = place
    # A job's page refreshes every two seconds; each time files that nothing uses are dropped.
    refreshing = page_at(browser, f"{url}/jobs?job={running.id}")
    with refreshing as (other, _errors), page_at(browser, f"{url}/patches?patch=1") as (tab, _errors):
        tab.evaluate(SLOW)
        with tab.expect_download() as started:
            tab.get_by_role("button", name="NPY").click()
            tab.wait_for_function("() => window.ask !== undefined")
            for _time in range(3):
                refreshed(other)
            tab.evaluate("ask()")
        assert started.value.failure() is None
        assert started.value.path().read_bytes() == (home / "jobs/1/patch.npy").read_bytes()
