# SPDX-License-Identifier: AGPL-3.0-only
"""Carries a sweep out in the foreground: as a worker of its own, or by watching those that are alive."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from engine.errors import JobError, RunInterruptedError
from engine.jobs import sweeps
from engine.jobs.launcher import Launcher, start_child
from engine.jobs.worker import Worker
from engine.jobs.workers import default_device, serving
from engine.store.repository import Repository
from engine.store.sweeps import Sweep

LOOK_S = 0.5


def carry_out(
    repository: Repository,
    sweep_id: int,
    *,
    report: Callable[[Sweep], object] = lambda sweep: None,
    launch: Launcher = start_child,
) -> Sweep:
    """Work on a sweep until it has ended.

    Where no worker is alive that takes its jobs, this process is one until then, for other jobs of the queue
    too; where one is, its trials are watched.

    Args:
        repository: the database.
        sweep_id: the sweep.
        report: called whenever more trials have ended.
        launch: starts a job.

    Raises:
        RunInterruptedError: SIGTERM or Ctrl-C; a trial under way keeps its checkpoint.
        JobError: the sweep failed, or waits for jobs that were paused or that crashed too often.
    """
    seen = -1

    def over() -> bool:
        nonlocal seen
        sweep = repository.sweeps.get(sweep_id)
        if sweep.ended != seen:
            seen = sweep.ended
            report(sweep)
        return sweep.state != "running"

    device = sweeps.request_of(repository.sweeps.get(sweep_id)).config.device
    with _stopping() as (stop, tell):
        while not over():
            if stop.is_set():
                raise RunInterruptedError(
                    f"stopped in sweep {sweep_id}; resume it with: python -m engine sweep resume {sweep_id}"
                )
            if not serving(repository, device):
                worker = Worker(repository, default_device() if device == "auto" else device, launch)
                tell.append(worker.stop)
                worker.run(until_idle=True, until=over)
                tell.clear()
            sweeps.advance_all(repository)
            _require_movement(repository, sweep_id)
            stop.wait(LOOK_S)
    sweep = repository.sweeps.get(sweep_id)
    if sweep.state == "failed":
        raise JobError(f"sweep {sweep_id}: {sweep.error}; resume it with: sweep resume {sweep_id}")
    return sweep


def _require_movement(repository: Repository, sweep_id: int) -> None:
    """Raise `JobError` where all that a sweep waits for waits for somebody."""
    jobs = sweeps.open_jobs(repository, repository.sweeps.get(sweep_id))
    stuck = [job for job in jobs if job.state in ("paused", "interrupted")]
    if stuck and len(stuck) == len(jobs):
        raise JobError(
            f"sweep {sweep_id}: expected its trials to continue, got job {stuck[0].id}, "
            f"which is {stuck[0].state}; resume it with: sweep resume {sweep_id}"
        )


@contextmanager
def _stopping() -> Iterator[tuple[threading.Event, list[Callable[[], object]]]]:
    """An event that SIGTERM and Ctrl-C set, and a list of what they call besides."""
    event, tell = threading.Event(), list[Callable[[], object]]()

    def handler(number: int, frame: FrameType | None) -> None:
        event.set()
        for each in tell:
            each()

    previous = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event, tell
    finally:
        for number, former in previous.items():
            signal.signal(number, former)
