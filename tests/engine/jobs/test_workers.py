# SPDX-License-Identifier: AGPL-3.0-only
"""Who works and who is gone is told by pid and start time here, by heartbeats elsewhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.errors import JobError
from engine.jobs import workers
from engine.jobs.workers import CLUSTER, alive_workers, default_device, ensure_worker, release_dead, serving
from engine.store.repository import Repository
from engine.store.workers import Worker


def worker(name: str = "w", **changes: object) -> Worker:
    now = time.time()
    facts = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_started_at": psutil.Process().create_time(),
        "device": "cpu",
        "started_at": now,
        "heartbeat_at": now,
    }
    return Worker(id=name, **(facts | changes))


def test_nobody_is_alive_where_nobody_began(repository: Repository) -> None:
    assert alive_workers(repository) == []
    assert release_dead(repository) == []


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"heartbeat_at": 0.0}, True),  # on this machine the process itself is asked
        ({"process_started_at": 5.0}, False),  # another process has got the pid
        ({"pid": 2**22 + 1}, False),
        ({"host": "elsewhere", "pid": 2**22 + 1}, True),
        ({"host": "elsewhere", "heartbeat_at": time.time() - 31}, False),
    ],
)
def test_who_is_alive(repository: Repository, changes: dict, alive: bool) -> None:
    repository.workers.add(worker(**changes))
    assert bool(alive_workers(repository)) is alive


def test_a_clusters_worker_serves_every_device(repository: Repository) -> None:
    repository.workers.add(worker(device=CLUSTER))
    assert all(serving(repository, device) for device in (None, "auto", "cpu", "cuda:3"))


def test_a_dead_process_that_nobody_has_buried_is_dead(repository: Repository) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started_at = psutil.Process(process.pid).create_time()
    repository.workers.add(worker(pid=process.pid, process_started_at=started_at))
    assert alive_workers(repository)
    process.kill()
    for _ in range(100):
        if psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    assert alive_workers(repository) == []
    process.communicate()


def test_jobs_of_the_dead_are_released_and_of_the_living_not(repository: Repository) -> None:
    for _ in range(3):
        repository.jobs.add(kind="import", label="", request={})
    repository.workers.add(worker("alive"))
    repository.workers.add(worker("dead", process_started_at=1.0))
    held = [repository.queue.claim(name, f"cpu:{n}") for n, name in enumerate(("alive", "dead", "unknown"))]
    assert [job.id for job in release_dead(repository)] == [held[1].id, held[2].id]
    assert [repository.jobs.get(job.id).state for job in held] == ["running", "interrupted", "interrupted"]
    assert "its worker is no longer running; resume it" in str(repository.jobs.get(held[1].id).error)
    assert [each.id for each in repository.workers.all()] == ["alive"]


def test_the_device_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Machine:
        gpus = ()

    monkeypatch.setattr(workers.hardware, "snapshot", Machine)
    assert default_device() == "cpu"
    Machine.gpus = ("a gpu",)
    assert default_device() == "cuda:0"


def test_no_worker_is_started_where_one_is_alive(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*arguments: object, **options: object) -> None:
        raise AssertionError("a second worker")

    monkeypatch.setattr(workers.subprocess, "Popen", start)
    repository.workers.add(worker(device="cuda:1"))
    for device in (None, "auto", "cuda:1", "cuda"):
        ensure_worker(repository, device)
    with pytest.raises(AssertionError, match="a second worker"):
        ensure_worker(repository, "cpu")
    monkeypatch.setenv("PATCHBENCH_AUTOSTART", "no")
    ensure_worker(repository, "cpu")


def test_a_worker_that_cannot_begin_is_told(
    repository: Repository, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.sys, "executable", "/bin/false")
    with pytest.raises(JobError, match=f"worker: expected one to start within .*, got none; see {own_home}"):
        ensure_worker(repository, "cpu")
