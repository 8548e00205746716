# SPDX-License-Identifier: AGPL-3.0-only
"""A child carries out the attempt that counts, alone in its folder, and ends with its worker."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.jobs import child, queue
from engine.jobs.child import INTERRUPTED, LOST, sole_writer
from engine.jobs.kinds.dataset_import import DatasetImport, ImportRequest
from engine.jobs.ledger import StoredLedger
from engine.records import Job
from engine.runs.paths import job_folder, lock_path
from engine.store.repository import Repository
from tests.engine.jobs.processes import ROOT


@pytest.fixture
def job(repository: Repository, blocks: Path) -> Job:
    queue.submit(repository, "import", ImportRequest(source=str(blocks), name="blocks"))
    claimed = repository.queue.claim("w", "cpu")
    assert claimed is not None
    return claimed


def run_child(job: Job, home: Path, *, attempt: int = 1, worker_pid: int | None = None) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "engine.jobs.child", "--job", str(job.id)),
            *("--attempt", str(attempt), "--worker-pid", str(worker_pid or os.getpid())),
        ],
        cwd=ROOT,
        env={**os.environ, "PATCHBENCH_HOME": str(home)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def carry_out(repository: Repository, job: Job) -> int:
    ledger = StoredLedger(repository, job, stop_requested=lambda: False, lost=lambda: pytest.fail("lost"))
    return child.carry_out(job, ledger)


@pytest.mark.parametrize(
    ("attempt", "own_worker", "code", "state"),
    [(1, True, 0, "succeeded"), (2, True, LOST, "running"), (1, False, LOST, "running")],
)
def test_only_the_attempt_that_counts_is_carried_out(
    repository: Repository, own_home: Path, job: Job, attempt: int, own_worker: bool, code: int, state: str
) -> None:
    process = run_child(job, own_home, attempt=attempt, worker_pid=None if own_worker else 1)
    assert process.wait(60) == code
    assert repository.jobs.get(job.id).state == state
    assert repository.datasets.has("blocks") is (state == "succeeded")
    process.communicate()


def test_a_child_ends_when_its_worker_does(own_home: Path, job: Job) -> None:
    """The pipe's end is the worker's: the child waits for a lock, and does not outlive it."""
    lock_path(job.id).parent.mkdir(parents=True, exist_ok=True)
    with open(lock_path(job.id), "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = run_child(job, own_home)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == LOST
    assert process.stderr is not None
    process.stderr.close()


def test_the_second_writer_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "LOCK_S", 0.2)
    with sole_writer(5):
        began = time.monotonic()
        with pytest.raises(StorageError, match="expected to be the job's only process, got another"):  # noqa: SIM117
            with sole_writer(5):
                pass
        assert time.monotonic() - began >= 0.2
        with sole_writer(6):
            pass
    with sole_writer(5):
        pass


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ENOSPC, "expected to write to it, got the disk is full ("),
        (errno.EIO, "OSError: [Errno 5] Input/output error; this is a bug, report it with the job's log"),
    ],
)
def test_what_the_system_refuses_fails_the_job_in_one_line(
    repository: Repository, job: Job, monkeypatch: pytest.MonkeyPatch, number: int, line: str
) -> None:
    def fail(*arguments: object) -> dict:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(DatasetImport, "work", fail)
    assert carry_out(repository, job) == 1
    error = repository.jobs.get(job.id).error
    assert error is not None
    assert line in error


def test_a_folder_is_rid_of_what_was_left_half_written(job: Job) -> None:
    job_folder(job.id).mkdir(parents=True)
    for name in (".patch.npy.1a2b", "checkpoint.pt"):
        (job_folder(job.id) / name).touch()
    assert [path.name for path in child._folder_of(job, "checkpoint.pt").iterdir()] == ["checkpoint.pt"]


def test_a_folder_that_cannot_be_made_is_told(job: Job) -> None:
    job_folder(job.id).parent.mkdir(parents=True, exist_ok=True)
    job_folder(job.id).touch()
    with pytest.raises(StorageError, match=f"{job_folder(job.id)}: expected a writable folder"):
        child._folder_of(job, "checkpoint.pt")


@pytest.mark.parametrize(
    ("failure", "state", "error"),
    [
        (None, "succeeded", None),
        (
            StorageError("disk: expected space,\n got none"),
            "failed",
            "disk: expected space, got none",
        ),
        (
            ZeroDivisionError("oh"),
            "failed",
            "ZeroDivisionError: oh; this is a bug, report it with the job's log",
        ),
        (child.RunInterruptedError("as asked"), "running", None),
    ],
)
def test_the_end_is_stored(
    repository: Repository,
    job: Job,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception | None,
    state: str,
    error: str | None,
) -> None:
    def work(*arguments: object) -> dict:
        if failure:
            raise failure
        return {"done": True}

    monkeypatch.setattr(DatasetImport, "work", work)
    code = carry_out(repository, job)
    now = repository.jobs.get(job.id)
    assert (now.state, now.error) == (state, error)
    assert code == {"succeeded": 0, "failed": 1, "running": INTERRUPTED}[state]
    assert now.result == ({"done": True} if state == "succeeded" else None)
