# SPDX-License-Identifier: AGPL-3.0-only
"""What each kind of job does, from its request to its result; loads only what the work at hand needs."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.errors import StorageError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.reporting import Reporter, RunReporter
from engine.records import Job
from engine.runs.paths import LIVE_ARRAY, LIVE_IMAGE
from engine.store.repository import Repository

__all__ = ["WORK", "Work"]

log = logging.getLogger(__name__)

Stop = Callable[[], bool]
Lost = Callable[[], object]
Work = Callable[[Repository, Job, Path, Stop, Lost], dict[str, Any]]


def _generate(repository: Repository, job: Job, folder: Path, stop: Stop, lost: Lost) -> dict[str, Any]:
    """Make a patch, or go on from the checkpoint that an earlier attempt left."""
    from engine.jobs.estimates import learn
    from engine.jobs.patch_records import record_run
    from engine.patch.render import mask_of
    from engine.patch.state import CHECKPOINT
    from engine.runs.commands import generate, resume

    config, request = _config(job), job.request
    mask = mask_of(config)
    reporter = RunReporter(repository, job, stop_requested=stop, lost=lost)
    reporter.phase("loading")
    how = {
        "observer": reporter.observe(folder, None if mask is None else mask.numpy()),
        "trust": request["trust"],
        "evaluate_after": request["evaluate_after"],
    }
    if (folder / CHECKPOINT).exists():
        summary = resume(folder, device=config.device, **how)
    else:
        _empty(folder)
        summary = generate(config, folder, **how)
    reporter.finish()
    record_run(repository, job, summary)
    learn(repository, summary, started_at=job.started_at if job.attempt == 1 else None)
    for name in (LIVE_ARRAY, LIVE_IMAGE):
        (folder / name).unlink(missing_ok=True)
    return summary


def _evaluate(repository: Repository, job: Job, folder: Path, stop: Stop, lost: Lost) -> dict[str, Any]:
    """Score a patch; the scores lie in the job's folder too."""
    from engine.jobs.patch_records import record_scores, write_scores
    from engine.runs.commands import evaluate

    request = job.request
    reporter = RunReporter(repository, job, stop_requested=stop, lost=lost)
    reporter.phase("loading")
    scores = evaluate(
        _config(job),
        Path(request["patch"]),
        settings=EvaluationConfig.from_json(request["settings"]),
        observer=reporter.observe(folder),
        trust=request["trust"],
    ).to_json()
    reporter.finish()
    write_scores(folder, scores)
    record_scores(repository, job, request["patch"], scores)
    return scores


def _import(repository: Repository, job: Job, folder: Path, stop: Stop, lost: Lost) -> dict[str, Any]:
    """Read, repair and store a dataset."""
    from engine.runs.imports import import_dataset

    request = job.request
    reporter = Reporter(repository, job, stop_requested=stop, lost=lost)
    dataset = import_dataset(
        repository,
        request["source"],
        name=request["name"],
        split=request["split"],
        images=None if request["images"] is None else Path(request["images"]),
        roots=None if request.get("roots") is None else [Path(root) for root in request["roots"]],
        report=lambda done, total: reporter.phase("reading", done, total, "images"),
        storing=lambda read: reporter.phase("storing", 0, len(read.images), "images"),
    )
    reporter.phase("stored", len(dataset.images), len(dataset.images), "images")
    for note in dataset.notes:
        log.info("%s", note)
    return {
        "dataset": dataset.name,
        "images": len(dataset.images),
        "objects": sum(dataset.object_counts()),
        "repairs": dataset.repair_counts(),
        "notes": list(dataset.notes),
    }


def _benchmark(repository: Repository, job: Job, folder: Path, stop: Stop, lost: Lost) -> dict[str, Any]:
    """Run a suite, or go on with it after the parts that are measured; the result lies in the folder too."""
    from engine.jobs.benchmarks import run_suite

    request = job.request
    reporter = Reporter(repository, job, stop_requested=stop, lost=lost)

    def progress(done: int, total: int | None) -> None:
        reporter.phase("measuring", done, total, "parts")

    def report(line: str) -> None:
        log.info("%s", line)
        progress(reporter.progress.done, reporter.progress.total)

    progress(0, None)
    result = run_suite(
        request["suite"],
        _config(job),
        scale=request["scale"],
        seconds=request["seconds"],
        trust=request["trust"],
        out=folder / "benchmark.json",
        report=report,
        job_id=job.id,
        progress=progress,
        stop_requested=stop,
    )
    reporter.finish()
    return result


WORK: dict[str, Work] = {
    "generate": _generate,
    "evaluate": _evaluate,
    "import": _import,
    "benchmark": _benchmark,
}


def _config(job: Job) -> RunConfig:
    """The job's settings on the worker's device; workers called cpu:0, cpu:1 … share the one CPU."""
    device = job.running_on or job.device
    config = RunConfig.from_json(job.request["config"])
    return config.changed(device="cpu" if device.startswith("cpu") else device)


def _empty(folder: Path) -> None:
    """Begin anew: what was stopped before its first checkpoint left nothing to go on from."""
    try:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        raise StorageError(f"{folder}: cannot be emptied, {error.strerror}; free it") from error
