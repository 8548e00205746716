# SPDX-License-Identifier: AGPL-3.0-only
"""The whole story in a real browser on a real worker: import, two runs, patches, compare, report, faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from engine.jobs.workers import alive_workers
from engine.store.repository import Repository
from tests.dashboard.browser.serving import free_port, page_at, refreshed, settle, start
from tests.engine.jobs.processes import kill, previewers, until, wait_for
from tests.engine.tiny import write_dataset, write_weights

ENDLESS = 1_000_000  # iterations
PATIENCE_MS = 90_000  # a run's process alone takes some seconds to load, on a busy machine many


class Place:
    """A home and the dashboard over it, which started the worker."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.serve()

    def serve(self) -> None:
        self.process = start(self.folder / "home", self.port, PATCHBENCH_ROOTS=str(self.folder))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("story")
    write_dataset(folder / "blocks")
    write_weights(folder / "blocks.pt")
    place = Place(folder)
    try:
        yield place
    finally:
        place.kill()
        with Repository(folder / "home" / "patchbench.db") as repository:
            workers = [psutil.Process(each.pid) for each in alive_workers(repository)]
        kill([child for each in workers for child in each.children(recursive=True)] + workers)
        kill(previewers(folder))


@pytest.fixture
def repository(place: Place) -> Iterator[Repository]:
    with Repository(place.folder / "home" / "patchbench.db") as opened:
        yield opened


def import_blocks(tab: Page, place: Place) -> None:
    """From an empty home to the dataset on its page."""
    expect(tab.get_by_text("No datasets yet.")).to_be_visible()
    tab.get_by_role("radio", name="Folder or file").click()
    tab.get_by_role("textbox", name="Path on this machine").fill(str(place.folder / "blocks"))
    tab.get_by_role("button", name="Import", exact=True).click()
    expect(tab.get_by_role("heading", name="blocks · 6 images")).to_be_visible(timeout=PATIENCE_MS)


def choose_weights(tab: Page, place: Place) -> None:
    """The detector out of a file on the server."""
    tab.get_by_role("button", name="Another weight file").click()
    tab.get_by_role("textbox", name="Path on this machine").fill(str(place.folder / "blocks.pt"))
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Use this file").click()
    expect(tab.get_by_role("combobox", name="Detector", exact=True)).to_have_value("blocks.pt")
    tab.keyboard.press("Escape")


def fill_number(tab: Page, label: str, value: int) -> None:
    field = tab.get_by_role("spinbutton", name=label, exact=True)
    field.fill(str(value))
    field.press("Enter")
    settle(tab)


def launch(tab: Page, label: str) -> int:
    """Press the button; the number of the job that the browser is led to."""
    name = tab.get_by_role("textbox", name="Label (optional)")
    name.fill(label)
    name.press("Enter")
    settle(tab)
    tab.get_by_role("button", name="Generate the patch").click()
    expect(tab.get_by_role("heading", name=label, level=1)).to_be_visible(timeout=PATIENCE_MS)
    return int(tab.url.split("job=")[1].split("&")[0])


def see_finished(tab: Page) -> None:
    """The job's page tells of its end by itself."""
    expect(tab.get_by_role("link", name="View the patch")).to_be_visible(timeout=PATIENCE_MS)
    expect(tab.get_by_text("Succeeded").first).to_be_visible()


def see_steps(tab: Page) -> None:
    """The run is on its way: the chart of its loss is there."""
    expect(tab.get_by_text("Optimising").first).to_be_visible(timeout=PATIENCE_MS)
    expect(tab.locator(".stVegaLiteChart .marks").first).to_be_visible(timeout=PATIENCE_MS)


def see_bars(tab: Page) -> None:
    """The chart of scores is drawn; a bar of 0 is there but cannot be seen."""
    expect(tab.locator(".js-plotly-plot .barlayer .point").first).to_be_attached(timeout=PATIENCE_MS)


def cancel(tab: Page) -> None:
    """Ask for it, see the page go on refreshing while it asks back, and confirm."""
    tab.get_by_role("button", name="Cancel", exact=False).first.click()
    confirm = tab.get_by_role("button", name="Cancel this job")
    confirm.wait_for()
    refreshed(tab)
    confirm.click()
    expect(tab.get_by_text("Cancelled").first).to_be_visible(timeout=PATIENCE_MS)


def times(repository: Repository, number: int, event: str) -> int:
    """How often something happened to a job."""
    return [each.event for each in repository.jobs.events(number)].count(event)


def open_offline(browser: Browser, report: Path) -> tuple[str, int]:
    """A report's heading and how many charts it draws, in a browser without a network."""
    context = browser.new_context(offline=True)
    try:
        page = context.new_page()
        page.goto(report.as_uri())
        see_bars(page)
        return page.get_by_role("heading", level=1).inner_text(), page.locator(".js-plotly-plot").count()
    finally:
        context.close()


def test_an_imported_dataset_leads_to_a_patch_with_scores(
    browser: Browser, place: Place, repository: Repository
) -> None:
    with page_at(browser, f"{place.url}/datasets") as (tab, errors):
        import_blocks(tab, place)
        tab.get_by_role("link", name="Generate a patch on this dataset").click()
        tab.get_by_role("heading", name="Generate", exact=True).wait_for()
        choose_weights(tab, place)
        tab.get_by_role("radio", name="Custom").click()
        fill_number(tab, "Iterations", 30)
        tab.get_by_text("Batches and views").click()
        fill_number(tab, "Image size (px)", 64)
        number = launch(tab, "First")
        see_finished(tab)
        assert repository.jobs.get(number).state == "succeeded"
        tab.get_by_role("link", name="View the patch").click()
        expect(tab.get_by_role("heading", name="Scores", exact=True)).to_be_visible()
        see_bars(tab)
        assert errors == []


def test_a_run_outlives_reload_lost_connection_and_dashboard_and_is_then_cancelled(
    browser: Browser, place: Place, repository: Repository
) -> None:
    with page_at(browser, f"{place.url}/jobs?job=2") as (tab, _errors):
        tab.get_by_role("link", name="Duplicate with changes").click()
        tab.get_by_role("heading", name="Generate", exact=True).wait_for()
        fill_number(tab, "Iterations", ENDLESS)
        number = launch(tab, "Endless")
        see_steps(tab)
        tab.reload()
        see_steps(tab)
        tab.context.set_offline(True)
        tab.wait_for_timeout(1500)
        tab.context.set_offline(False)
        see_steps(tab)
        place.kill()
        expect(tab.get_by_role("dialog", name="Connection error")).to_be_visible(timeout=PATIENCE_MS)
        before = repository.steps.last(number)
        place.serve()
        until(lambda: repository.steps.last(number) > before)
        see_steps(tab)
        cancel(tab)
    wait_for(repository, number, "cancelled")
    assert until(lambda: repository.patches.of_job(number))
    assert [times(repository, number, event) for event in ("started", "interrupted")] == [1, 0]


def test_two_runs_are_compared_and_the_report_opens_offline(
    browser: Browser, place: Place, tmp_path: Path
) -> None:
    with page_at(browser, f"{place.url}/generate?from_job=2") as (tab, errors):
        fill_number(tab, "Iterations", 20)
        launch(tab, "Second")
        see_finished(tab)
        tab.get_by_role("link", name="Compare").click()
        see_bars(tab)
        with tab.expect_download() as download:
            tab.get_by_role("button", name="HTML report").click()
        download.value.save_as(tmp_path / "report.html")
        assert errors == []
    assert open_offline(browser, tmp_path / "report.html") == ("Comparison of runs 4, 2", 3)
