# SPDX-License-Identifier: AGPL-3.0-only
"""Which workers are alive, what becomes of the jobs of those that are not, and how one is started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import psutil

from engine import hardware
from engine.config import home_folder
from engine.errors import JobError
from engine.jobs.kinds import kind_of
from engine.records import Job
from engine.runs.version import ROOT
from engine.store.repository import Repository
from engine.store.workers import Worker

SILENT_S = 30.0  # after so long without a heartbeat a worker on another machine counts as gone
START_S = 15.0


def alive_workers(repository: Repository) -> list[Worker]:
    """The workers that are at work, the oldest first."""
    return [worker for worker in repository.workers.all() if _is_alive(worker)]


def release_dead(repository: Repository) -> list[Job]:
    """Take the jobs of workers that are gone out of their hands; see `Queue.release`. Returns those jobs."""
    # In this order: whoever runs a job has begun before it claimed, so what is not listed below has ended.
    holders = repository.queue.holders()
    workers = repository.workers.all()
    alive = {worker.id for worker in workers if _is_alive(worker)}
    gone = (holders | {worker.id for worker in workers}) - alive
    if not gone:
        return []
    jobs = repository.queue.release(gone, "the worker that ran it is gone; resume it")
    for worker in gone:
        repository.workers.remove(worker)
    for job in jobs:
        if job.state == "cancelled":
            kind_of(job.kind).cancelled(repository, job)
    return jobs


def default_device() -> str:
    """`cuda:0` where NVML knows a GPU, else `cpu`. Loads no torch."""
    return "cuda:0" if hardware.snapshot().gpus else "cpu"


def ensure_worker(repository: Repository, device: str | None = None) -> None:
    """Start a worker that outlives this process, unless one is alive.

    Args:
        repository: the queue that it is to work on.
        device: one for this device; None is content with any.

    Raises:
        JobError: it ended at once or did not begin within some seconds.
    """
    wanted = None if device in (None, "auto") else device
    if _serving(repository, wanted):
        return
    log = home_folder() / "workers.log"
    arguments = [sys.executable, "-m", "engine", "worker", "--device", wanted or default_device()]
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
    while not _serving(repository, wanted):
        if started.poll() is not None or time.monotonic() > deadline:
            raise JobError(f"worker: expected one to begin, got none within {START_S:g} s; see {log}")
        time.sleep(0.1)


def _serving(repository: Repository, device: str | None) -> list[Worker]:
    return [
        worker
        for worker in alive_workers(repository)
        if device is None or device in (worker.device, worker.device.partition(":")[0])
    ]


def _is_alive(worker: Worker) -> bool:
    """On this machine: whether the process runs; elsewhere: whether it was heard of lately."""
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
