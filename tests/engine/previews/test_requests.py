# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import home_folder
from engine.errors import DatasetError, StorageError
from engine.previews import requests as previews
from engine.runs.imports import open_dataset
from engine.runs.paths import preview_folder
from engine.store.previews import Preview
from engine.store.repository import Repository
from tests.engine.jobs.processes import previewers


@pytest.fixture
def repository(blocks: Path) -> Iterator[Repository]:
    open_dataset(str(blocks))
    with Repository() as opened:
        yield opened


def wish(repository: Repository, index: int = 0) -> dict:
    return previews.placement(
        repository, dataset="blocks", class_name="person", indices=[index], image_size=64
    )


def awaited(repository: Repository, request: dict, timeout_s: float = 60) -> Preview:
    deadline = time.monotonic() + timeout_s
    while True:
        preview = previews.request_preview(repository, request)
        if preview.state in ("done", "failed"):
            return preview
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_request_changes_with_what_it_is_made_of(repository: Repository, tmp_path: Path) -> None:
    patch, classes = tmp_path / "patch.npy", tmp_path / "classes.txt"
    for file in (patch, classes):
        file.touch()
        os.utime(file, ns=(1, 1))

    def ask() -> dict:
        return previews.before_after(
            repository,
            dataset="blocks",
            weights="demo",
            class_name="person",
            detector_classes=str(classes),
            patch=patch,
            indices=[0],
        )

    first = ask()
    assert ask() == first
    assert (first["weights"], first["architecture"]) == (["demo", 0], "auto")
    os.utime(classes, ns=(2, 2))
    renamed = ask()
    assert renamed != first
    os.utime(patch, ns=(2, 2))
    touched = ask()
    assert touched != renamed
    repository.datasets.save(repository.datasets.load("blocks"))
    assert ask() != touched


def test_an_unknown_dataset_is_refused_at_once(repository: Repository) -> None:
    with pytest.raises(DatasetError, match="expected an imported dataset"):
        previews.detections(repository, dataset="none", weights="demo", indices=[0])


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATCHBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="expected a writable file"), previews.only_previewer():
        pass


def test_one_process_holds_the_lock() -> None:
    with previews.only_previewer() as first, previews.only_previewer() as second:
        assert first is not None
        assert second is None
    with previews.only_previewer() as free:
        assert free is not None


def test_none_is_started_where_something_else_starts_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBENCH_AUTOSTART", "no")
    monkeypatch.setattr(previews.subprocess, "Popen", None)
    assert not previews.ensure_previewer(repository)


@pytest.mark.slow
def test_a_process_of_its_own_answers_and_stays_warm(repository: Repository) -> None:
    try:
        assert previews.ensure_previewer(repository)
        assert not previews.ensure_previewer(repository)  # though it has hardly begun
        assert awaited(repository, wish(repository)).state == "done"
        started = time.monotonic()
        second = awaited(repository, wish(repository, 1))
        elapsed_s = time.monotonic() - started
        assert second.answer is not None
        assert Path(second.answer["images"][0]["path"]).parent == preview_folder(second.key)
        assert elapsed_s < 2
        (process,) = previewers(home_folder())
        assert os.getsid(process.pid) == process.pid  # outlives whoever started it
        failed = awaited(repository, wish(repository, 9))
        assert failed.error == ("dataset blocks: expected an image of 0 to 5, got 9; choose another")
    finally:
        for process in previewers(home_folder()):
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    with previews.only_previewer() as free:
        assert free is not None
