# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import StorageError
from engine.records import Dataset, ImageRecord, StepRecord
from engine.store.repository import Repository


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patchbench.db"


@pytest.fixture
def repository(path: Path) -> Iterator[Repository]:
    with Repository(path) as opened:
        yield opened


def steps(first: int, count: int) -> list[StepRecord]:
    return [
        StepRecord(
            step=number,
            iteration=1,
            loss=0.5,
            terms={"object": 0.5},
            learning_rate=0.1,
            images=2,
            elapsed_s=1,
        )
        for number in range(first, first + count)
    ]


def test_a_new_database_has_no_faults(repository: Repository, path: Path) -> None:
    assert repository.maintenance.check() == []
    assert repository.maintenance.size_bytes() >= path.stat().st_size > 0


def test_without_datasets_nothing_is_read_from_a_folder(repository: Repository, tmp_path: Path) -> None:
    assert repository.maintenance.datasets_below(tmp_path) == set()


def test_what_datasets_and_their_images_need_in_a_folder_is_named(
    repository: Repository, tmp_path: Path
) -> None:
    for name, source, image in (
        ("folder", "a/deep/er", "elsewhere.png"),
        ("archive", "b.zip", "c/images/0.png"),
        ("outside", "../d/e", "../d/0.png"),
    ):
        record = ImageRecord(
            path=str((tmp_path / "up" / image).resolve()),
            width=8,
            height=8,
            boxes_xyxy_px=np.zeros((0, 4), np.float32),
            class_ids=np.zeros(0, np.int64),
        )
        where = str((tmp_path / "up" / source).resolve())
        repository.datasets.save(Dataset(name=name, source=where, class_names=("x",), images=(record,)))
    assert repository.maintenance.datasets_below(tmp_path / "up") == {"a", "b.zip", "c", "elsewhere.png"}


def test_a_backup_holds_what_is_stored(repository: Repository, tmp_path: Path) -> None:
    job = repository.jobs.add(kind="generate", label="run", request={})
    repository.maintenance.backup(tmp_path / "copy.db")
    with Repository(tmp_path / "copy.db") as copy:
        assert copy.jobs.get(job.id) == job
    assert not list(tmp_path.glob(".copy*"))


def test_a_backup_is_of_one_moment_though_another_writes(
    repository: Repository, path: Path, tmp_path: Path
) -> None:
    job = repository.jobs.add(kind="generate", label="run", request={})
    repository.steps.add(job.id, steps(1, 20_000))
    begun, ended = threading.Event(), threading.Event()

    def write() -> None:
        with Repository(path) as other:
            step = 20_001
            while not ended.is_set():
                other.steps.add(job.id, steps(step, 100))
                step += 100
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        repository.maintenance.backup(tmp_path / "copy.db")
    finally:
        ended.set()
        writer.join()
    with Repository(tmp_path / "copy.db") as copy:
        assert copy.maintenance.check() == []
        (count,) = copy.connection.rows("SELECT count(*) FROM steps")[0]
        assert count % 100 == 0  # whole transactions alone
        assert count >= 20_000
        assert copy.steps.last(job.id) == count


def test_a_backup_replaces_nothing(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StorageError, match=r"copy\.db: expected a new file, got one that exists"):
        repository.maintenance.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_folder_that_is_not_there_is_told(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"copy\.db: cannot be written, unable to open database file"):
        repository.maintenance.backup(tmp_path / "none/copy.db")


def test_a_row_that_refers_to_nothing_is_a_fault(repository: Repository) -> None:
    sqlite = repository.connection.sqlite
    sqlite.execute("PRAGMA foreign_keys = OFF")
    sqlite.execute("INSERT INTO job_events (job_id, at, event, detail) VALUES (7, 0, '', '')")
    sqlite.commit()
    assert repository.maintenance.check() == ["job_events: row 1 refers to a missing row of jobs"]


def test_damaged_pages_are_told(repository: Repository, path: Path, tmp_path: Path) -> None:
    job = repository.jobs.add(kind="generate", label="run", request={})
    repository.steps.add(job.id, steps(1, 5000))
    repository.maintenance.backup(tmp_path / "copy.db")
    damaged = bytearray((tmp_path / "copy.db").read_bytes())
    middle = len(damaged) // 2 // 4096 * 4096
    damaged[middle : middle + 2048] = b"\xff" * 2048
    (tmp_path / "copy.db").write_bytes(damaged)
    with Repository(tmp_path / "copy.db") as copy:
        try:
            faults = copy.maintenance.check()
        except StorageError as error:
            faults = [str(error)]
    assert faults
    assert all("\n" not in fault for fault in faults)


def test_vacuum_gives_back_what_deleted_rows_took(repository: Repository) -> None:
    job = repository.jobs.add(kind="generate", label="run", request={})
    repository.steps.add(job.id, steps(1, 20_000))
    repository.maintenance.vacuum()
    full = repository.maintenance.size_bytes()
    repository.jobs.delete(job.id)
    assert repository.maintenance.vacuum() > full / 2
    assert repository.maintenance.size_bytes() < full / 2
