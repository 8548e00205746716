# SPDX-License-Identifier: AGPL-3.0-only
"""Records runs, scores, trainings and hardenings made in the foreground like those of the queue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.config import DefenceTrainingConfig, HardeningConfig, RunConfig, TrainingConfig
from engine.jobs.kinds import KINDS
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.kinds.harden import HardenRequest
from engine.jobs.kinds.request import Request
from engine.jobs.kinds.train import TrainRequest
from engine.jobs.kinds.train_defence import TrainDefenceRequest
from engine.jobs.patch_records import write_scores
from engine.patch.arrays import fingerprint, read_patch_array
from engine.records import Evaluation, Job
from engine.runs.paths import job_folder, jobs_folder
from engine.runs.run_folder import read_history
from engine.runs.version import code_version
from engine.store.repository import Repository


def record_foreground_run(
    repository: Repository, summary: dict[str, Any], *, trust: bool = False, started_at: float | None = None
) -> Job:
    """Record a finished run as a succeeded job, with its steps, its patch, its score and its costs.

    Args:
        repository: where to store them.
        summary: content of the run's `run.json`. Its files stay where they are; the patch is copied.
        trust: whether its weights were opened even if their pickle could run code; a retry does the same.
        started_at: start of its process in Unix seconds; None for a run that was resumed.

    Raises:
        StorageError: its history cannot be read, or the database cannot be used.
    """
    folder, config = Path(summary["patch"]).parent, RunConfig.from_json(summary["config"])
    request = GenerateRequest(config=config, trust=trust, evaluate_after="evaluation" in summary)
    steps = read_history(folder)
    elapsed_s = summary["elapsed_s"] + summary.get("evaluation", {}).get("elapsed_s", 0.0)
    columns: dict[str, Any] = {"elapsed_s": elapsed_s, "device": summary["device"], "folder": str(folder)}
    job = _finished(repository, "generate", request, summary, facts=summary, **columns)
    repository.steps.add(job.id, steps)
    _add_validations(repository, job.id, summary)
    KINDS["generate"].record(repository, replace(job, started_at=started_at), summary)
    return job


def _add_validations(repository: Repository, job_id: int, summary: dict[str, Any]) -> None:
    for event in summary.get("events", ()):
        if event["event"] == "validated":
            names = ("asr", "confidence_retained", "ap50")
            scores = {name: event[name] for name in names if name in event}
            repository.validations.add(job_id, event["iteration"], scores, event.get("ci95"))


def record_foreground_training(
    repository: Repository, summary: dict[str, Any], *, trust: bool = False
) -> Job:
    """Record a finished training as a succeeded job, with its epochs, and its weights.

    Args:
        repository: where to store them.
        summary: content of its `training.json`. Its files stay where they are; the weights are copied.
        trust: whether its initial weights were opened even if their pickle could run code.

    Raises:
        StorageError: its history or weights cannot be read or copied, or the database cannot be used.
    """
    request = TrainRequest(config=TrainingConfig.from_json(summary["config"]), trust=trust)
    return _finished_training(repository, "train", request, summary, summary["elapsed_s"])


def record_foreground_hardening(
    repository: Repository, summary: dict[str, Any], *, trust: bool = False
) -> Job:
    """Record a finished hardening like a training, with the patches of its trial.

    Args:
        repository: where to store them.
        summary: content of its `hardening.json`. Its files stay; weights and patches are copied.
        trust: as of `record_foreground_training`.

    Raises:
        StorageError: as there.
    """
    request = HardenRequest(config=HardeningConfig.from_json(summary["config"]), trust=trust)
    elapsed_s = summary["elapsed_s"] + summary["trial_elapsed_s"]
    return _finished_training(repository, "harden", request, summary, elapsed_s)


def _finished_training(
    repository: Repository, kind: str, request: Request, summary: dict[str, Any], elapsed_s: float
) -> Job:
    folder = Path(summary["weights"]).parent
    steps = read_history(folder)
    columns: dict[str, Any] = {"elapsed_s": elapsed_s, "device": summary["device"], "folder": str(folder)}
    job = _finished(repository, kind, request, summary, facts=summary, **columns)
    repository.steps.add(job.id, steps)
    KINDS[kind].record(repository, job, summary)
    return job


def record_foreground_defence(repository: Repository, summary: dict[str, Any]) -> Job:
    """Record a finished training of a defence as a succeeded job, with its epochs.

    Args:
        repository: where to store them.
        summary: content of its `defence.json`. Its files stay where they are.

    Raises:
        StorageError: its history cannot be read, or the database cannot be used.
    """
    request = TrainDefenceRequest(config=DefenceTrainingConfig.from_json(summary["config"]))
    return _finished_training(repository, "train-defence", request, summary, summary["elapsed_s"])


def record_foreground_evaluation(
    repository: Repository, request: EvaluateRequest, evaluation: Evaluation, *, elapsed_s: float
) -> Job:
    """Record scores as a succeeded job, and with their patch if that is on record.

    Args:
        repository: where to store them.
        request: the evaluation's request.
        evaluation: its result.
        elapsed_s: its duration.

    Raises:
        PatchFileError: the patch is gone.
        StorageError: the scores cannot be written, or the database cannot be used.
    """
    scores = evaluation.to_json()
    texels = fingerprint(*read_patch_array(Path(request.patch)))
    columns: dict[str, Any] = {
        "elapsed_s": elapsed_s,
        "device": request.config.device,
        "parent": str(jobs_folder()),
    }
    job = _finished(repository, "evaluate", request, scores, facts=scores["settings"], **columns)
    write_scores(job_folder(job.id), evaluation)
    # Scoring a file that is not on record must not add it to the gallery.
    if repository.patches.with_fingerprint(texels) is not None:
        KINDS["evaluate"].record(repository, job, scores)
    return job


def _finished(
    repository: Repository,
    kind: str,
    request: Request,
    result: dict[str, Any],
    *,
    facts: dict[str, Any],
    **columns: Any,
) -> Job:
    request = request.absolute()
    return repository.jobs.add_finished(
        kind=kind,
        label=KINDS[kind].label(request, facts),
        request=request.to_json(),
        seed=KINDS[kind].seed(request),
        code_version=code_version(),
        result=result,
        **columns,
    )
