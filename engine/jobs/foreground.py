# SPDX-License-Identifier: AGPL-3.0-only
"""Puts runs and scores of the foreground on record, so that they stand beside those of the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.jobs.estimates import learn
from engine.jobs.patch_records import record_run, record_scores, write_scores
from engine.jobs.requests import evaluation_label, generation_label, generation_request
from engine.patch.arrays import fingerprint, read_patch_array
from engine.records import Evaluation, Job
from engine.runs.paths import job_folder, jobs_folder
from engine.runs.run_folder import read_history
from engine.runs.version import code_version
from engine.store.repository import Repository

__all__ = ["record_foreground_evaluation", "record_foreground_run"]


def record_foreground_run(
    repository: Repository, summary: dict[str, Any], *, trust: bool = False, started_at: float | None = None
) -> Job:
    """Put a finished run on record as a job that has succeeded, with its steps, its patch and its score.

    What it cost serves the estimates of later runs.

    Args:
        repository: where.
        summary: what the run's `run.json` holds. Its files stay where they are; the patch is copied.
        trust: its weights were opened whatever their pickle names; so they are if the job is done again.
        started_at: when its process began, in Unix seconds; None of one that was resumed.

    Raises:
        StorageError: its history cannot be read, or the database cannot be used.
    """
    folder, config = Path(summary["patch"]).parent, RunConfig.from_json(summary["config"])
    request = generation_request(config, trust=trust, evaluate_after="evaluation" in summary)
    steps = read_history(folder)
    job = repository.jobs.add_finished(
        kind="generate",
        label=generation_label(_with_classes(request, summary)),
        request=request,
        device=summary["device"],
        seed=summary["seed"],
        code_version=code_version(),
        folder=str(folder),
        elapsed_s=summary["elapsed_s"] + summary.get("evaluation", {}).get("elapsed_s", 0.0),
        result=summary,
    )
    repository.steps.add(job.id, steps)
    record_run(repository, job, summary)
    learn(repository, summary, started_at=started_at)
    return job


def record_foreground_evaluation(
    repository: Repository, request: dict[str, Any], evaluation: Evaluation, *, elapsed_s: float
) -> Job:
    """Put scores on record as a job that has succeeded, and give them to their patch if that is on record.

    Args:
        repository: where.
        request: what was asked for, as `engine.jobs.requests.evaluation_request` gives it.
        evaluation: what came of it.
        elapsed_s: what it took.

    Raises:
        PatchFileError: the patch is gone.
        StorageError: the scores cannot be written, or the database cannot be used.
    """
    config, patch, scores = request["config"], Path(request["patch"]), evaluation.to_json()
    texels = fingerprint(*read_patch_array(patch))
    job = repository.jobs.add_finished(
        kind="evaluate",
        label=evaluation_label(_with_classes(request, scores["settings"])),
        request=request,
        device=config["device"],
        seed=config["seed"],
        code_version=code_version(),
        parent=str(jobs_folder()),
        elapsed_s=elapsed_s,
        result=scores,
    )
    write_scores(job_folder(job.id), scores)
    # Scoring some file is no wish to see it in the gallery.
    if repository.patches.with_fingerprint(texels) is not None:
        record_scores(repository, job, patch, scores)
    return job


def _with_classes(request: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """A request with the classes that it turned out to be about, for its label; older runs say nothing."""
    return request | {name: facts[name] for name in ("classes",) if name in facts}
