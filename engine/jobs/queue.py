# SPDX-License-Identifier: AGPL-3.0-only
"""The door to jobs for the command line and the dashboard: submit, look, change, delete. No torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.benchmark.catalogue import CATALOGUE
from engine.config import RunConfig
from engine.datasets.splits import SPLIT_CHOICES
from engine.errors import JobError, PatchFileError, SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.estimates import estimate
from engine.jobs.last_patch import keep_last_patch
from engine.jobs.requests import (
    evaluation_label,
    evaluation_request,
    generation_label,
    generation_request,
    subject_of,
)
from engine.jobs.workers import alive_workers, ensure_worker, release_dead
from engine.records import Job
from engine.runs.paths import (
    absolute_config,
    job_folder,
    jobs_folder,
    live_image_path,
    lock_path,
    log_path,
    read_log_tail,
)
from engine.runs.version import code_version
from engine.settings import require_between, require_choice
from engine.store.repository import Repository

__all__ = [
    "alive_workers",
    "cancel",
    "delete",
    "duplicate",
    "ensure_worker",
    "job_folder",
    "live_image_path",
    "log_path",
    "move",
    "pause",
    "read_log_tail",
    "release_dead",
    "resume",
    "retry",
    "submit_benchmark",
    "submit_evaluate",
    "submit_generate",
    "submit_import",
]


def submit_generate(
    repository: Repository,
    config: RunConfig,
    *,
    trust: bool = False,
    evaluate_after: bool = True,
    label: str = "",
    **how: Any,
) -> Job:
    """Queue the making of a patch.

    Args:
        repository: where.
        config: the settings; paths in them are made absolute.
        trust: open the weights whatever their pickle names.
        evaluate_after: score the patch beside its controls.
        label: what lists call it; by default after what it attacks.
        how: of all `submit_…`: `priority` (higher first), `waits_for` (a job that must have succeeded),
            `auto_resume` (goes on by itself after a crash), `tags`, `notes`, `origin`, `estimate` (by default
            from what was measured of such settings).

    Raises:
        JobError: the job that it waits for will not succeed any more.
        StorageError: the database cannot be used.
    """
    foretold = estimate(repository, absolute_config(config), evaluate_after=evaluate_after)
    how = {"estimate": foretold.to_json() if foretold else None} | how
    request = generation_request(config, trust=trust, evaluate_after=evaluate_after)
    return _submit(repository, "generate", request, label or generation_label(request), config, **how)


def submit_evaluate(
    repository: Repository,
    config: RunConfig,
    patch: str | Path,
    *,
    settings: EvaluationConfig | None = None,
    trust: bool = False,
    label: str = "",
    **how: Any,
) -> Job:
    """Queue the scoring of a patch; `how` as of `submit_generate`.

    Args:
        repository: where.
        config: dataset, weights, classes, device, image size, `max_images`, `include_empty`.
        patch: a .npy or an image; it need not be there yet if the job waits for another.
        settings: placement, thresholds, resamples.
        trust: open the weights whatever their pickle names.
        label: what lists call it.

    Raises:
        PatchFileError: no such patch.
        JobError, StorageError: see `submit_generate`.
    """
    path = Path(patch).expanduser().absolute()
    if how.get("waits_for") is None and not path.is_file():
        raise PatchFileError(f"{path}: expected a patch file (.npy or .png), found none; check the path")
    request = evaluation_request(config, path, settings=settings, trust=trust)
    return _submit(repository, "evaluate", request, label or evaluation_label(request), config, **how)


def submit_import(
    repository: Repository,
    source: str | Path,
    *,
    name: str | None = None,
    split: str = "train",
    images: str | Path | None = None,
    roots: Sequence[Path] | None = None,
    label: str = "",
    **how: Any,
) -> Job:
    """Queue the import of a dataset; `source`, `name`, `split`, `images`, `roots` as of `read_dataset`.

    Raises:
        SettingsError: no such split.
        JobError, StorageError: see `submit_generate`.
    """
    require_choice("split", split, SPLIT_CHOICES)
    path = Path(source).expanduser()
    here = str(source) != "demo" and path.exists()
    request: dict[str, Any] = {
        "source": str(path.absolute()) if here else str(source),
        "name": name,
        "split": split,
        "images": None if images is None else str(Path(images).expanduser().absolute()),
    }
    if roots is not None:
        request["roots"] = [str(root) for root in roots]
    return _submit(repository, "import", request, label or f"Import {name or path.name}", None, **how)


def submit_benchmark(
    repository: Repository,
    suite: str,
    config: RunConfig,
    *,
    scale: str = "small",
    seconds: float | None = None,
    trust: bool = False,
    label: str = "",
    **how: Any,
) -> Job:
    """Queue a benchmark suite; `how` as of `submit_generate`.

    Args:
        repository: where.
        suite: its name; see `benchmark list`.
        config: dataset, weights, classes, device and the settings that the sides start from.
        scale: `small`, `medium` or `large`.
        seconds: of generation, in place of the scale's.
        trust: open the weights whatever their pickle names.
        label: what lists call it.

    Raises:
        SettingsError: no such suite or scale, or seconds below 0.1.
        JobError, StorageError: see `submit_generate`.
    """
    require_choice("suite", suite, CATALOGUE)
    require_choice("scale", scale, ("small", "medium", "large"))
    if seconds is not None:
        require_between("seconds", seconds, 0.1, 10_000_000)
    request = {
        "suite": suite,
        "scale": scale,
        "seconds": seconds,
        "config": absolute_config(config).to_json(),
        "trust": trust,
    }
    label = label or f"Benchmark {suite}: {subject_of(request)}"
    return _submit(repository, "benchmark", request, label, config, **how)


def cancel(repository: Repository, job_id: int) -> Job:
    """End a job for good; a running one ends within two seconds. The last patch is kept.

    Raises:
        JobError: there is no such job, or it has ended.
    """
    release_dead(repository)  # of these all: nobody would tell a worker that is gone
    job = repository.queue.ask(job_id, "cancel")
    if job.state == "cancelled":
        keep_last_patch(repository, job)
    return job


def pause(repository: Repository, job_id: int) -> Job:
    """Stop a job so that it can go on later: a running one as soon as it has kept a checkpoint.

    Raises:
        JobError: there is no such job, or it neither runs nor waits.
    """
    release_dead(repository)
    return repository.queue.ask(job_id, "pause")


def resume(repository: Repository, job_id: int) -> Job:
    """Queue a paused or interrupted job again; it goes on from its checkpoint.

    Raises:
        JobError: there is no such job, or it is in another state.
    """
    release_dead(repository)
    return repository.queue.resume(job_id)


def retry(repository: Repository, job_id: int) -> Job:
    """Queue the same work as a new job, from its beginning; the old one stays as it is.

    Raises:
        JobError: there is no such job, or it has not ended.
    """
    release_dead(repository)
    job = repository.jobs.get(job_id)
    if job.state in ("queued", "running"):
        raise JobError(
            f"job {job_id}: expected one that has ended, got one that is {job.state}; cancel it first"
        )
    return _again(repository, job, job.request, _config_of(job))


def duplicate(repository: Repository, job_id: int, **changes: Any) -> Job:
    """Queue a job like another, some settings of its `RunConfig` (of an import: of its request) changed.

    Raises:
        JobError: there is no such job.
        SettingsError: a setting is unknown or out of its range.
    """
    job = repository.jobs.get(job_id)
    config = _config_of(job)
    if unknown := set(changes) - set(job.request if config is None else vars(config)):
        raise SettingsError(f"settings: expected those of job {job_id}, got {', '.join(sorted(unknown))}")
    if config is None:
        return _again(repository, job, job.request | changes, None)
    config = absolute_config(config.changed(**changes))
    return _again(repository, job, job.request | {"config": config.to_json()}, config)


def delete(repository: Repository, job_id: int) -> Job:
    """Remove a job that does not run, with its steps, events, log and folder, and return what it was.

    Patches on record and imported datasets stay.

    Raises:
        JobError: there is no such job, or it runs.
    """
    release_dead(repository)
    job = repository.jobs.delete(job_id)
    shutil.rmtree(job_folder(job_id), ignore_errors=True)
    for path in (log_path(job_id), lock_path(job_id)):
        path.unlink(missing_ok=True)
    return job


def move(
    repository: Repository, job_id: int, *, priority: int | None = None, before: int | None = None
) -> Job:
    """Change when a waiting job has its turn; see `Queue.move`.

    Raises:
        JobError: one of the jobs is not there or no longer waits.
    """
    return repository.queue.move(job_id, priority=priority, before=before)


def _submit(
    repository: Repository,
    kind: str,
    request: dict[str, Any],
    label: str,
    config: RunConfig | None,
    **how: Any,
) -> Job:
    return repository.jobs.add(
        kind=kind,
        label=label,
        request=request,
        device=config.device if config else "auto",
        seed=config.seed if config else 0,
        code_version=code_version(),
        parent=str(jobs_folder()),
        **how,
    )


def _again(repository: Repository, job: Job, request: dict[str, Any], config: RunConfig | None) -> Job:
    return _submit(
        repository,
        job.kind,
        request,
        job.label,
        config,
        priority=job.priority,
        auto_resume=job.auto_resume,
        tags=job.tags,
        notes=job.notes,
        origin=job.id,
    )


def _config_of(job: Job) -> RunConfig | None:
    return RunConfig.from_json(job.request["config"]) if "config" in job.request else None
