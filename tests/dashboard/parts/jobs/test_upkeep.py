# SPDX-License-Identifier: AGPL-3.0-only
"""The disk's use and the estimates are read when they are opened, not before."""

from __future__ import annotations

import os

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.formats import bytes_text
from dashboard.services import upkeep
from engine.datasets.uploads import uploads_folder
from engine.jobs import queue
from engine.store.repository import Repository
from tests.dashboard.homes import fill


@pytest.fixture
def jobs(app: AppTest) -> AppTest:
    with Repository() as repository:
        fill(repository, runs=1)
    return app.run()


def opened(app: AppTest, key: str) -> AppTest:
    app.session_state[key] = True
    return app.switch_page("app_pages/jobs.py").run()


def test_nothing_is_read_before_it_is_opened(jobs: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("usage", "prunable", "estimate_errors"):
        monkeypatch.setattr(upkeep, name, lambda name=name: asked.append(name))
    jobs.switch_page("app_pages/jobs.py").run()
    assert [each.label for each in jobs.expander][-2:] == ["How accurate were the estimates?", "Storage"]
    assert asked == []


def test_checkpoints_of_ended_jobs_are_cleaned_up_when_asked_twice(jobs: AppTest) -> None:
    checkpoint = queue.job_folder(1) / "checkpoint.pt"
    checkpoint.write_bytes(b"x" * 2048)
    opened(jobs, "jobs-storage")
    assert jobs.button(key="prune").label == "Clean up now"
    assert any("Jobs" in frame.value["Item"].to_list() for frame in jobs.dataframe if "Item" in frame.value)
    jobs.button(key="prune").click().run()
    assert not checkpoint.exists()
    assert any("freed" in toast.value for toast in jobs.toast)


def test_uploads_that_no_dataset_refers_to_are_counted_and_cleaned_up(jobs: AppTest) -> None:
    archive = uploads_folder() / "streets-0123456789ab.zip"
    archive.parent.mkdir()
    archive.write_bytes(b"x" * 2048)
    os.utime(archive, (0, 0))
    opened(jobs, "jobs-storage")
    (sizes,) = (frame.value for frame in jobs.dataframe if "Item" in frame.value)
    assert sizes.set_index("Item").loc["Uploads", "Size"] == bytes_text(2048)
    jobs.button(key="prune").click().run()
    assert not archive.exists()


def test_without_estimates_it_says_so(jobs: AppTest) -> None:
    opened(jobs, "jobs-estimates")
    assert any("No finished run has an estimate yet." in each.value for each in jobs.caption)
