# SPDX-License-Identifier: AGPL-3.0-only
"""The interface to jobs for the command line and the dashboard: submit, change, delete. No torch."""

from __future__ import annotations

import shutil
from typing import Any

from engine.errors import JobError
from engine.jobs.kinds import KINDS, Kind, kind_of
from engine.jobs.kinds.request import Request
from engine.jobs.workers import alive_workers, ensure_worker, release_dead
from engine.records import Job
from engine.runs.paths import (
    job_folder,
    jobs_folder,
    live_image_path,
    lock_path,
    log_path,
    read_log_tail,
)
from engine.runs.version import code_version
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
    "submit",
]


def submit(repository: Repository, kind: str, request: Request, *, label: str = "", **options: Any) -> Job:
    """Queue a new job.

    Args:
        repository: the database.
        kind: a name in `KINDS`.
        request: of that kind; its paths are made absolute.
        label: the job's name in lists; by default the kind's.
        options: `priority` (higher first), `waits_for` (a job that must succeed first), `auto_resume`
            (resume after a crash), `needs` (JSON of `engine.jobs.needs.Needs`), `tags`, `notes`, `origin`,
            `estimate` (by default the kind's).

    Raises:
        EngineError: the kind cannot carry out such a request.
        JobError: the job that it waits for can no longer succeed.
        StorageError: the database cannot be used; so for all functions here.
    """
    return _submit(repository, KINDS[kind], request.absolute(), label=label, **options)


def cancel(repository: Repository, job_id: int) -> Job:
    """End a job for good, keeping its last patch; a running one ends within two seconds.

    Raises:
        JobError: there is no such job, or it has ended.
    """
    release_dead(repository)  # a dead worker would never see the request
    job = repository.queue.ask(job_id, "cancel")
    if job.state == "cancelled":
        kind_of(job.kind).cancelled(repository, job)
    return job


def pause(repository: Repository, job_id: int) -> Job:
    """Pause a job, a running one after it has saved a checkpoint.

    Raises:
        JobError: there is no such job, or it is neither running nor queued.
    """
    release_dead(repository)
    return repository.queue.ask(job_id, "pause")


def resume(repository: Repository, job_id: int) -> Job:
    """Queue a paused or interrupted job again, to continue from its checkpoint.

    Raises:
        JobError: there is no such job, or it is in another state.
    """
    release_dead(repository)
    return repository.queue.resume(job_id)


def retry(repository: Repository, job_id: int) -> Job:
    """Queue the same work as a new job that starts from the beginning; the old one stays as it is.

    Raises:
        JobError: there is no such job, or it has not ended.
        EngineError: it can no longer be carried out, for example because its patch was deleted.
    """
    release_dead(repository)
    job = repository.jobs.get(job_id)
    if job.state in ("queued", "running"):
        raise JobError(
            f"job {job_id}: expected a job that has ended, got one that is {job.state}; cancel it first"
        )
    return _again(repository, job, KINDS[job.kind].request.from_json(job.request))


def duplicate(repository: Repository, job_id: int, **changes: Any) -> Job:
    """Queue a copy of a job with some settings changed; see `Settings.merged`.

    Raises:
        JobError: there is no such job.
        SettingsError: a setting is unknown, of the wrong type, or out of range.
    """
    job = repository.jobs.get(job_id)
    request = KINDS[job.kind].request.from_json(job.request)
    return _again(repository, job, request.merged(changes, whose=f"job {job_id}").absolute())


def delete(repository: Repository, job_id: int) -> Job:
    """Remove a job with its steps, events, log and folder, and return its last state.

    Patches on record and imported datasets stay.

    Raises:
        JobError: there is no such job, or it is running.
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
    """Change the position of a queued job; see `Queue.move`.

    Raises:
        JobError: one of the jobs does not exist or is no longer queued.
    """
    return repository.queue.move(job_id, priority=priority, before=before)


def _submit(repository: Repository, kind: Kind[Any], request: Request, *, label: str, **options: Any) -> Job:
    kind.check(request, waits=options.get("waits_for") is not None)
    if "estimate" not in options:
        options["estimate"] = kind.estimate(repository, request)
    return repository.jobs.add(
        kind=kind.name,
        label=label or kind.label(request, {}),
        request=request.to_json(),
        device=kind.device(request),
        seed=kind.seed(request),
        code_version=code_version(),
        parent=str(jobs_folder()),
        **options,
    )


def _again(repository: Repository, job: Job, request: Request) -> Job:
    return _submit(
        repository,
        KINDS[job.kind],
        request,
        label=job.label,
        priority=job.priority,
        auto_resume=job.auto_resume,
        needs=job.needs,
        tags=job.tags,
        notes=job.notes,
        origin=job.id,
    )
