# SPDX-License-Identifier: AGPL-3.0-only
"""Fills a home with real results on the synthetic demo: datasets, runs, scores, a matrix, suites, a sweep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.config import DEMO_SETTINGS, RunConfig, home_folder
from engine.jobs import queue, sweeps
from engine.jobs.estimates import estimate
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.kinds.matrix import MatrixRequest
from engine.jobs.patch_records import delete_patch
from engine.records import Job
from engine.store.repository import Repository
from engine.sweeps.config import SweepRequest
from tests.engine.jobs.processes import worker

RUN_S = 60.0  # of each run's steps
SWEEP_S = 15.0
VARIED = ("learning_rate=0.003..0.1:log", "batch_size=2,8", "losses=object,overlap+tv=0.1")
LONGEST_S = 3600.0
OTHER = "demo-val"
SUITES = ("data-source", "floor")
DEFENCE = "jpeg:quality=50"
RUNS: dict[str, dict[str, Any]] = {
    "Per-object suppression": {},
    "Max confidence, smooth": {"losses": {"max_confidence": 1.0, "tv": 0.1}},
    "Circular, sign steps": {"circular": True, "optimizer": "sign", "learning_rate": 0.01},
    "Through JPEG": {"defences": (DEFENCE,)},
}
FINISHED = ("succeeded", "failed", "cancelled")


def fill() -> list[Job]:
    """Fill the home that PATCHBENCH_HOME names, in 15 to 30 minutes on two cores; all jobs as they ended."""
    with Repository() as repository:
        jobs = _submit(repository)
        with worker(home_folder()):
            ended = [_ended(repository, job.id) for job in jobs]
            return [*ended, *_swept(repository)]


def _swept(repository: Repository) -> list[Job]:
    """The jobs of a sweep once it has ended."""
    config = RunConfig(**DEMO_SETTINGS | {"time_limit_s": SWEEP_S})
    sweep = sweeps.begin(repository, SweepRequest(config=config, vary=VARIED, trials=10, objective="smooth"))
    deadline = time.monotonic() + LONGEST_S
    while repository.sweeps.get(sweep.id).state == "running" and time.monotonic() < deadline:
        time.sleep(0.5)
    return repository.groups.jobs(sweep.id)


def _submit(repository: Repository) -> list[Job]:
    first = queue.submit(repository, "import", ImportRequest(source="demo"))
    other = queue.submit(repository, "import", ImportRequest(source="demo", name=OTHER, split="val"))
    made = [_run(repository, label, first.id, changes) for label, changes in RUNS.items()]
    scored = RunConfig(dataset=OTHER, weights="demo", image_size=320)
    patch = queue.job_folder(made[0].id) / "patch.npy"
    checked = queue.submit(
        repository,
        "evaluate",
        EvaluateRequest(config=scored, patch=str(patch)),
        waits_for=made[0].id,
        label="Score on the validation images",
    )
    transfer = MatrixRequest(
        patches=tuple(map(_scored_file, made)),
        detectors=("demo",),
        datasets=("demo", OTHER),
        defences=("none", DEFENCE, "median"),
        image_size=320,
    )
    crossed = queue.submit(repository, "matrix", transfer, waits_for=made[-1].id)
    subject = RunConfig(**DEMO_SETTINGS)
    suites = [
        queue.submit(
            repository, "benchmark", BenchmarkRequest(suite=suite, config=subject), waits_for=first.id
        )
        for suite in SUITES
    ]
    return [first, other, *made, checked, crossed, *suites]


def _scored_file(job: Job) -> str:
    """Where a run's patch will be; a circular one is scored from the picture, which has the mask."""
    name = "patch.png" if job.request["config"]["circular"] else "patch.npy"
    return str(queue.job_folder(job.id) / name)


def _run(repository: Repository, label: str, after: int, changes: dict[str, Any]) -> Job:
    config = RunConfig(**DEMO_SETTINGS | {"time_limit_s": RUN_S} | changes)
    return queue.submit(
        repository, "generate", GenerateRequest(config=config), label=label, waits_for=after, tags=["demo"]
    )


def _ended(repository: Repository, job_id: int) -> Job:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        job = repository.jobs.get(job_id)
        if job.state in FINISHED:
            return job
        time.sleep(0.5)
    raise RuntimeError(f"job {job_id}: expected its end within {LONGEST_S:g} s, got none; see its log")


def _under_way(repository: Repository, job_id: int) -> None:
    while repository.steps.last(job_id) < 40:
        if (job := repository.jobs.get(job_id)).state not in ("queued", "running"):
            raise RuntimeError(f"job {job_id}: expected a run at work, got {job.state}: {job.error}")
        time.sleep(0.2)


@contextmanager
def running() -> Iterator[Job]:
    """A worker and a long run that it is busy with; afterwards there is no trace of either."""
    longer = {"time_limit_s": 0.0, "iterations": 1000, "batch_size": 4}
    config = RunConfig(**DEMO_SETTINGS | longer)
    with Repository() as repository:
        estimated = estimate(repository, config)
        job = queue.submit(
            repository,
            "generate",
            GenerateRequest(config=config),
            label="Thorough, batches of four",
            estimate=estimated.to_json() if estimated else None,
        )
        try:
            with worker(home_folder()):
                _under_way(repository, job.id)
                yield job
        finally:
            _forget(repository, job.id)


def _forget(repository: Repository, job_id: int) -> None:
    """Remove a run whose worker is gone, and the patch that is kept of it."""
    queue.release_dead(repository)
    if repository.jobs.get(job_id).state not in FINISHED:
        queue.cancel(repository, job_id)
    patch = repository.patches.of_job(job_id)
    if patch is not None:
        delete_patch(repository, patch.id)
    queue.delete(repository, job_id)
