# SPDX-License-Identifier: AGPL-3.0-only
"""How many jobs one database carries if one process writes for all: `python -m tests.measure.store_load`.

Each job has a thread and a connection, as on the head of a cluster. First all jobs report steps as fast as
they can, then jobs are queued, claimed and ended as fast as they can.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from engine.errors import StorageError
from engine.records import Job, Progress
from engine.store.repository import Repository
from tests.measure.query_cost import step_of

__all__ = ["Load", "main", "measure_jobs", "measure_steps"]

WAIT_S = 60.0  # for another writer, so that waiting shows as time and not as an error


class Load:
    """What so many writers did together.

    Attributes:
        done: finished actions of all writers.
        seconds: from the first action to the last.
        waits_s: how long each action took.
        refused: actions that the database did not take within `WAIT_S`.
    """

    def __init__(self) -> None:
        self.done, self.refused, self.seconds = 0, 0, 0.0
        self.waits_s: list[float] = []

    @property
    def per_s(self) -> float:
        """Actions a second of all writers together."""
        return self.done / self.seconds

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of one action's time, in milliseconds."""
        return float(np.percentile(self.waits_s, 95)) * 1000


def measure_steps(path: Path, *, writers: int, seconds: float, steps: int = 20) -> Load:
    """Let running jobs report progress and steps.

    Args:
        path: of a database, made if it is not there.
        writers: jobs that run at once.
        seconds: how long they write.
        steps: new ones in each report.
    """
    with Repository(path) as repository:
        running = [_started(repository, f"cpu:{number}") for number in range(writers)]

    def report(repository: Repository, writer: int, action: int) -> None:
        first = action * steps
        new = (step_of(first + number) for number in range(1, steps + 1))
        progress = Progress(phase="optimising", done=first, total=1_000_000)
        if not repository.queue.report(running[writer], progress, steps=new):
            raise AssertionError("expected a job that still runs, found none")

    load = _together(path, writers, seconds, report)
    with Repository(path) as repository:
        for job in running:
            repository.queue.finish(job, "succeeded")
    return load


def measure_jobs(path: Path, *, writers: int, seconds: float) -> Load:
    """Queue, claim and end jobs; arguments as in `measure_steps`."""

    def carry(repository: Repository, writer: int, _: int) -> None:
        repository.queue.finish(_started(repository, f"cpu:{writer}"), "succeeded", result={"asr": 0.5})

    return _together(path, writers, seconds, carry)


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="For each row of the table.")
@click.option("--writers", "counts", default="1,4,16,64", show_default=True, help="Jobs that run at once.")
def main(seconds: float, counts: str) -> None:
    """Write to scratch databases and print what they took."""
    click.echo("jobs at once | reports/s | steps/s | report p95 ms | jobs/min | job p95 ms | refused")
    for writers in map(int, counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            steps = measure_steps(Path(folder) / "patchbench.db", writers=writers, seconds=seconds)
            jobs = measure_jobs(Path(folder) / "patchbench.db", writers=writers, seconds=seconds)
        click.echo(
            f"{writers:12} | {steps.per_s:9.0f} | {steps.per_s * 20:7.0f} | {steps.p95_ms:13.1f} | "
            f"{jobs.per_s * 60:8.0f} | {jobs.p95_ms:10.1f} | {steps.refused + jobs.refused:7}"
        )


def _together(
    path: Path, writers: int, seconds: float, action: Callable[[Repository, int, int], None]
) -> Load:
    """Repeat an action in so many threads at once until the time is up."""
    load, begin, guard = Load(), threading.Barrier(writers + 1), threading.Lock()

    def write(writer: int) -> None:
        waits: list[float] = []
        refused = 0
        with Repository(path, timeout_s=WAIT_S) as repository:
            begin.wait()
            ends_at = time.perf_counter() + seconds
            while (began := time.perf_counter()) < ends_at:
                try:
                    action(repository, writer, len(waits))
                except StorageError:
                    refused += 1
                else:
                    waits.append(time.perf_counter() - began)
        with guard:
            load.waits_s += waits
            load.done += len(waits)
            load.refused += refused

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - began
    return load


def _started(repository: Repository, device: str) -> Job:
    """A job that has just been queued for a device and claimed."""
    repository.jobs.add(kind="generate", label="load", request={}, device=device)
    job = repository.queue.claim(device, device)
    if job is None:
        raise AssertionError(f"expected a job for {device}, found none")
    return job


if __name__ == "__main__":
    main()
