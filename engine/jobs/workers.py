# SPDX-License-Identifier: AGPL-3.0-only
"""Starts workers, lists those alive, and releases the jobs of dead ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import psutil

from engine import hardware
from engine.config import autostart, home_folder
from engine.errors import JobError
from engine.jobs.kinds import kind_of
from engine.records import Job
from engine.runs.version import ROOT
from engine.store.repository import Repository
from engine.store.workers import Worker

CLUSTER = "ray"  # the device of a worker that takes a cluster's nodes
SILENT_S = 30.0  # without a heartbeat, after which a worker on another machine counts as dead
START_S = 15.0


def alive_workers(repository: Repository) -> list[Worker]:
    """All running workers, the oldest first."""
    return [worker for worker in repository.workers.all() if _is_alive(worker)]


def serving(repository: Repository, device: str | None) -> list[Worker]:
    """The running workers that take jobs of a device; None or `auto` for any."""
    return [
        worker
        for worker in alive_workers(repository)
        if device in (None, "auto")
        or worker.device == CLUSTER
        or device in (worker.device, worker.device.partition(":")[0])
    ]


def release_dead(repository: Repository) -> list[Job]:
    """Release the jobs of dead workers and return them; see `Queue.release`."""
    # Holders first: a worker registers before it claims, so a holder missing from the later list is dead.
    holders = repository.queue.holders()
    workers = repository.workers.all()
    alive = {worker.id for worker in workers if _is_alive(worker)}
    gone = (holders | {worker.id for worker in workers}) - alive
    if not gone:
        return []
    jobs = repository.queue.release(gone, "its worker is no longer running; resume it")
    for worker in gone:
        repository.workers.remove(worker)
    for job in jobs:
        if job.state == "cancelled":
            kind_of(job.kind).cancelled(repository, job)
    return jobs


def default_device() -> str:
    """`cuda:0` if NVML finds a GPU, else `cpu`. Loads no torch."""
    return "cuda:0" if hardware.snapshot().gpus else "cpu"


def ensure_worker(repository: Repository, device: str | None = None) -> None:
    """Start a worker that outlives this process, unless one is alive or `PATCHBENCH_AUTOSTART` is `no`.

    Args:
        repository: the queue to work on.
        device: the worker's device; None or `auto` for any.

    Raises:
        JobError: it ended at once or did not register within `START_S`.
        SettingsError: see `autostart`.
    """
    device = None if device == "auto" else device
    if not autostart() or serving(repository, device):
        return
    log = home_folder() / "workers.log"
    arguments = [sys.executable, "-m", "engine", "worker", "--device", device or default_device()]
    with open(log, "ab") as file:
        started = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, "PATCHBENCH_HOME": str(home_folder())},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while not serving(repository, device):
        if started.poll() is not None or time.monotonic() > deadline:
            raise JobError(f"worker: expected one to start within {START_S:g} s, got none; see {log}")
        time.sleep(0.1)


def _is_alive(worker: Worker) -> bool:
    """Whether the process runs if it is on this machine; otherwise whether its heartbeat is recent."""
    if worker.host != socket.gethostname():
        return time.time() - worker.heartbeat_at < SILENT_S
    try:
        process = psutil.Process(worker.pid)
        return (
            abs(process.create_time() - worker.process_started_at) < 1
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False
