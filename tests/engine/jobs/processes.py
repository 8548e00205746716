# SPDX-License-Identifier: AGPL-3.0-only
"""Workers as real processes, their children, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from engine.records import Job
from engine.store.repository import Repository

ROOT = Path(__file__).resolve().parents[3]


def start_worker(home: Path, device: str = "cpu", *more: str) -> subprocess.Popen[bytes]:
    """A worker on a device; what it says is added to `workers.log`."""
    home.mkdir(exist_ok=True)
    with open(home / "workers.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "engine", "worker", "--device", device, *more],
            cwd=ROOT,
            env={**os.environ, "PATCHBENCH_HOME": str(home), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@contextmanager
def worker(home: Path, device: str = "cpu", *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is gone afterwards, and its child with it."""
    process = start_worker(home, device, *more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The child processes that are there now."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.Error:
        return []


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


def previewers(home: Path) -> list[psutil.Process]:
    """The processes that answer previews of a home; they outlive whoever started them."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "previewer" in (process.info["cmdline"] or [])
        and any(str(home) in part for part in process.info["cmdline"])
    ]


def wait_for(repository: Repository, job_id: int, *states: str, timeout_s: float = 90) -> Job:
    """The job once it is in one of these states."""
    return until(lambda: _in_state(repository.jobs.get(job_id), states), timeout_s, repository, job_id)


def until(
    look: Callable[[], Any],
    timeout_s: float = 90,
    repository: Repository | None = None,
    job_id: int = 0,
    *,
    every_s: float = 0.03,
) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every_s)
    state = repository.jobs.get(job_id) if repository else ""
    raise AssertionError(f"nothing within {timeout_s:g} s: {state}")


def _in_state(job: Job, states: tuple[str, ...]) -> Job | None:
    return job if job.state in states else None
