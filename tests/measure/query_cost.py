# SPDX-License-Identifier: AGPL-3.0-only
"""What queries cost in a full database while another process writes: `python -m tests.measure.query_cost`."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import numpy as np

from engine.json_text import json_text
from engine.records import Job, Progress, StepRecord
from engine.store.repository import Repository

__all__ = ["fill", "fill_steps", "main", "measure", "step_of", "write_steps", "writing"]

_STATES = ("succeeded", "succeeded", "succeeded", "failed", "cancelled", "interrupted", "paused", "queued")
_SPEC = {"config": {"dataset": "street", "weights": "yolov8n.pt", "iterations": 200, "note": "x" * 1500}}
_EVALUATION = {"patch": {}, "controls": {}, "settings": {"note": "x" * 2500}}


def fill(path: Path, *, jobs: int, patches: int, steps: int) -> None:
    """Fill a new database: jobs in all states with events, patches with scores, steps of a few long runs.

    Args:
        path: of the new database.
        jobs, patches, steps: how many; steps are spread over the first ten jobs.
    """
    chance = random.Random(0)
    with Repository(path) as repository:
        sqlite = repository.connection.sqlite
        with repository.connection.transaction():
            for number in range(1, jobs + 1):
                state = "succeeded" if number <= 10 else _STATES[number % len(_STATES)]
                sqlite.execute(
                    "INSERT INTO jobs (kind, state, label, device, priority, place, created_at, started_at, "
                    "finished_at, seed, code_version, notes, tags, progress, request, result) "
                    "VALUES (?, ?, ?, 'auto', ?, ?, ?, ?, ?, 0, '0', ?, ?, '{}', ?, ?)",
                    [
                        ("generate", "evaluate", "import", "benchmark")[number % 4],
                        state,
                        f"Patch {chance.random():.6f}: street",
                        number % 3,
                        number,
                        number,
                        number,
                        number + chance.random() * 1000,
                        f"note {number}",
                        json_text([f"tag{number % 7}"]),
                        json_text(_SPEC),
                        json_text(_SPEC),
                    ],
                )
            sqlite.executemany(
                "INSERT INTO job_events (job_id, at, event, detail) VALUES (?, 0, ?, '')",
                ((job, event) for job in range(1, jobs + 1) for event in ("queued", "started", "ended")),
            )
        _fill_patches(repository, patches, jobs, chance)
        fill_steps(repository, steps)


def fill_steps(repository: Repository, steps: int) -> None:
    """Store so many steps, spread over the first ten jobs, which have none yet."""
    sqlite, each = repository.connection.sqlite, -(-steps // 10)
    for job in range(1, 11):
        with repository.connection.transaction():
            sqlite.execute(
                """
                WITH RECURSIVE numbers(step) AS (
                    SELECT 1 UNION ALL SELECT step + 1 FROM numbers WHERE step < ?2
                )
                INSERT INTO steps (job_id, step, iteration, loss, learning_rate, images, elapsed_s, terms)
                SELECT ?1, step, step / 64, 1.0 / step, 0.03, 2, step * 0.1, '{"object": 0.5}' FROM numbers
                """,
                [job, each],
            )


def write_steps(path: Path, job_id: int) -> None:
    """Store ten steps a tenth of a second, for ever, as a very fast run would."""
    with Repository(path) as repository:
        step = 0
        while True:
            repository.steps.add(job_id, (step_of(step + number) for number in range(1, 11)))
            step += 10
            time.sleep(0.1)


@contextmanager
def writing(path: Path, job_id: int) -> Iterator[None]:
    """Let another process write steps of a job meanwhile."""
    program = f"from pathlib import Path; from {__spec__.name} import write_steps; "
    program += f"write_steps(Path({str(path)!r}), {job_id})"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        with Repository(path) as repository:
            while not repository.steps.last(job_id):  # it takes a moment to begin
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def measure(path: Path, *, rounds: int) -> dict[str, tuple[float, float]]:
    """How long each query takes, 95th percentiles: on the clock and on the processor.

    Args:
        path: of a database that `fill` has filled.
        rounds: how often to ask each.

    Returns:
        Query → both in milliseconds.
    """
    taken = {}
    with Repository(path) as repository:
        for name, ask in _queries(repository).items():
            times = []
            for _ in range(rounds):
                started = time.perf_counter(), time.process_time()
                ask()
                times.append((time.perf_counter() - started[0], time.process_time() - started[1]))
            clock, processor = np.percentile(times, 95, axis=0) * 1000
            taken[name] = (float(clock), float(processor))
    return taken


@click.command()
@click.option("--jobs", default=10_000, show_default=True)
@click.option("--patches", default=1_000, show_default=True)
@click.option("--steps", default=5_000_000, show_default=True)
@click.option("--rounds", default=40, show_default=True, help="How often to ask each.")
def main(jobs: int, patches: int, steps: int, rounds: int) -> None:
    """Fill a scratch database, then time the queue's and the pages' queries while a process writes steps."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "patchbench.db"
        started = time.perf_counter()
        fill(path, jobs=jobs, patches=patches, steps=steps)
        click.echo(f"filled in {time.perf_counter() - started:.0f} s, {path.stat().st_size / 2**20:.0f} MiB")
        with writing(path, jobs):
            taken = measure(path, rounds=rounds)
    click.echo("95th percentiles:  clock  processor")  # on a busy machine the clock runs on
    for name, (clock, processor) in sorted(taken.items(), key=lambda item: -item[1][1]):
        click.echo(f"{clock:21.1f} ms {processor:6.1f} ms  {name}")


def _fill_patches(repository: Repository, patches: int, jobs: int, chance: random.Random) -> None:
    sqlite = repository.connection.sqlite
    evaluation = json_text(_EVALUATION)
    subject = json_text({"dataset": "street", "detector": "yolov8n", "class_name": "person"})
    with repository.connection.transaction():
        sqlite.executemany(
            "INSERT INTO patches (id, job_id, name, path, image, height, width, circular, sha256, "
            "created_at, dataset, detector, class_name, summary) "
            "VALUES (?1, ?1, ?2, '', '', 96, 96, 0, ?2, 0, 'street', 'yolov8n', 'person', ?3)",
            ((each, f"patch {each}", json_text(_SPEC)) for each in range(1, min(patches, jobs) + 1)),
        )
        sqlite.executemany(
            "INSERT INTO scores (patch_id, created_at, subject, held_out, asr, ap50, evaluation) "
            "VALUES (?, 0, ?, 1, ?, ?, ?)",
            (
                (each % min(patches, jobs) + 1, subject, chance.random(), chance.random(), evaluation)
                for each in range(3 * min(patches, jobs))
            ),
        )


def _queries(repository: Repository) -> dict[str, Callable[[], object]]:
    jobs, patches, queue = repository.jobs, repository.patches, repository.queue
    held: list[Job] = []

    def claim() -> None:
        job = queue.claim("worker", "cpu")
        assert job is not None
        held.append(job)
        queue.finish(job, "succeeded")

    running = queue.claim("reporter", "cuda:0")
    assert running is not None
    orders = ("newest", "oldest", "queue", "longest", "label")
    return {
        "queue.claim and finish": claim,
        "queue.report": lambda: queue.report(running, Progress(phase="optimising", done=3, total=9)),
        **{f"jobs.find {order}": partial(jobs.find, order=order, limit=50) for order in orders},
        "jobs.find the last page": lambda: jobs.find(limit=50, offset=9_950),
        "jobs.find failed": lambda: jobs.find(states=["failed"], kinds=["generate"], limit=50),
        "jobs.find text": lambda: jobs.find(text="tag3", limit=50),
        "jobs.find text that nothing has": lambda: jobs.find(text="nowhere", limit=50),
        "jobs.count": jobs.count,
        "jobs.count text": lambda: jobs.count(text="tag3"),
        "jobs.count_by_state": jobs.count_by_state,
        "jobs.get": lambda: jobs.get(5),
        "jobs.events": lambda: jobs.events(5),
        "steps.read": lambda: repository.steps.read(3),
        "steps.last": lambda: repository.steps.last(3),
        **{
            f"patches.find {order}": partial(patches.find, order=order, limit=50)
            for order in ("newest", "asr", "ap50", "name")
        },
        "patches.find text": lambda: patches.find(text="patch 9", limit=50),
        "patches.count text": lambda: patches.count(text="patch 9"),
        "patches.scores": lambda: patches.scores(7),
        "workers.all": repository.workers.all,
    }


def step_of(number: int) -> StepRecord:
    """A step as a run reports it."""
    return StepRecord(
        step=number,
        iteration=1,
        loss=0.5,
        terms={"object": 0.5},
        learning_rate=0.03,
        images=2,
        elapsed_s=number * 0.1,
    )


if __name__ == "__main__":
    main()
