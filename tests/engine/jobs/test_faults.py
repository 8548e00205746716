# SPDX-License-Identifier: AGPL-3.0-only
"""Full disks, busy databases, folders that go: one line is said, and nothing that was stored is lost."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.errors import StorageError
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.worker import Worker
from engine.runs.commands import generate
from engine.runs.paths import job_folder
from engine.store.repository import Repository
from tests.engine.jobs.processes import ROOT, until, wait_for, worker
from tests.engine.store.factories import step

Settings = Callable[..., RunConfig]

CONFIG = RunConfig(dataset="demo", weights="demo")


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(timeout_s=0.1) as opened:
        opened.jobs.add(kind="generate", label="kept", request={})
        opened.steps.add(1, map(step, range(1, 101)))
        yield opened


def fill(repository: Repository) -> None:
    """No page more may be added to the database."""
    pages = repository.connection.value("PRAGMA page_count")
    repository.connection.sqlite.execute(f"PRAGMA max_page_count = {pages}")


def intact(repository: Repository) -> bool:
    with Repository() as opened:
        return (
            opened.connection.value("PRAGMA integrity_check") == "ok"
            and opened.jobs.get(1).label == "kept"
            and opened.steps.read(1) == [step(number) for number in range(1, 101)]
        )


@pytest.mark.parametrize(
    "write",
    [
        lambda repository: repository.steps.add(1, map(step, range(101, 5000))),
        lambda repository: [
            queue.submit(repository, "generate", GenerateRequest(config=CONFIG), notes="n" * 9999)
            for _ in range(9)
        ],
    ],
    ids=["steps", "jobs"],
)
def test_a_full_disk_leaves_what_was_stored(repository: Repository, write: Callable) -> None:
    fill(repository)
    with pytest.raises(StorageError, match="got the disk is full") as raised:
        write(repository)
    assert "\n" not in str(raised.value)
    assert intact(repository)


@pytest.mark.parametrize(
    "act",
    [
        lambda repository: queue.submit(repository, "generate", GenerateRequest(config=CONFIG)),
        lambda repository: repository.queue.claim("w", "cpu"),
        lambda repository: queue.cancel(repository, 1),
        lambda repository: queue.delete(repository, 1),
    ],
    ids=["submit", "claim", "cancel", "delete"],
)
def test_a_busy_database_is_told_and_left_as_it_is(repository: Repository, act: Callable) -> None:
    blocker = sqlite3.connect(repository.connection.path)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="got database is locked; another process is writing: try again"):
        act(repository)
    blocker.close()
    assert intact(repository)


def test_a_worker_waits_out_a_busy_database(repository: Repository, blocks: Path) -> None:
    job = queue.submit(repository, "import", ImportRequest(source=str(blocks)), priority=1)
    working = Worker(repository, "cpu")
    blocker = sqlite3.connect(repository.connection.path, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 2:
            blocker.rollback()
        return False

    working._stopping.wait = wait  # type: ignore[method-assign]
    working.run(once=True)
    blocker.close()
    assert len(waited) >= 2
    assert repository.jobs.get(job.id).state == "succeeded"


def as_anybody(arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as one whom a read-only folder stops: root, whom none does, becomes somebody else."""
    drop = (
        "import os, sys; from engine.cli import main; os.getuid() or (os.setgid(65534), os.setuid(65534)); "
    )
    return subprocess.run(
        [sys.executable, "-c", f"{drop}sys.exit(main({arguments!r}))"],
        cwd=ROOT,
        env={**os.environ, "PATCHBENCH_HOME": str(home)},
        capture_output=True,
        text=True,
    )


def test_a_read_only_folder_is_told(repository: Repository, own_home: Path) -> None:
    queue.submit(repository, "import", ImportRequest(source="demo"))
    repository.connection.sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in (*own_home.parents[:-2], own_home):
        path.chmod(path.stat().st_mode | 0o555)
    own_home.chmod(0o555)
    os.chmod(own_home / "patchbench.db", 0o444)
    try:
        told = as_anybody(["jobs", "cancel", "1"], own_home)
    finally:
        own_home.chmod(0o755)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith(f"Error: {own_home}/patchbench.db: expected a usable database, got")
    assert "make the folder writable or choose another PATCHBENCH_HOME" in told.stderr
    assert intact(repository)


@pytest.mark.slow
def test_files_that_cannot_be_written_and_folders_that_go(
    own_home: Path, repository: Repository, settings: Settings
) -> None:
    """No file may grow beyond 2 MB, so no checkpoint is written; then folders go, before and during a run."""
    big = settings(patch_height=512, patch_width=512, iterations=1)
    small = settings(iterations=60)
    generate(small, own_home / "unbroken", evaluate_after=False)
    failing = queue.submit(
        repository, "generate", GenerateRequest(config=big, evaluate_after=False), priority=2
    )
    limit = (2_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    repository.queue.ask(1, "cancel")
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    try:
        with worker(own_home, "cpu", "--once"):
            failed = wait_for(repository, failing.id, "failed", "succeeded")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failed.state == "failed"
    assert "checkpoint.pt: cannot be written, File too large; check the folder or choose another" in str(
        failed.error
    )
    job = queue.submit(repository, "generate", GenerateRequest(config=small, evaluate_after=False))
    job_folder(job.id).mkdir(parents=True)
    (job_folder(job.id) / "half-made").touch()
    queue.pause(repository, job.id)
    shutil.rmtree(job_folder(job.id))
    queue.resume(repository, job.id)
    with worker(own_home):
        until(lambda: repository.jobs.get(job.id).progress.unit == "steps")
        while job_folder(job.id).exists():  # the run writes to it meanwhile
            shutil.rmtree(job_folder(job.id), ignore_errors=True)
        gone = wait_for(repository, job.id, "failed", "succeeded")
        assert gone.state == "failed"
        assert f"{job_folder(job.id)}/checkpoint.pt: cannot be written, No such file" in str(gone.error)
        again = queue.retry(repository, job.id)
        wait_for(repository, again.id, "succeeded", "failed")
    made = (job_folder(again.id) / "patch.npy").read_bytes()
    assert made == (own_home / "unbroken" / "patch.npy").read_bytes()
    assert repository.steps.read(1) == [step(number) for number in range(1, 101)]
