# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs as the page lists, shows and steers them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dashboard.services import run_names
from dashboard.services.storage import Found, cached, opened
from engine.errors import JobError
from engine.jobs import queue
from engine.jobs.kinds import KINDS, Kind, kind_of
from engine.records import Job, JobEvent, PatchRecord, StepRecord
from engine.store.repository import Repository

__all__ = [
    "KINDS",
    "PAGE_SIZE",
    "JobView",
    "act",
    "allowed_actions",
    "delete",
    "edit",
    "find",
    "kind_of",
    "kind_texts",
    "live_image",
    "log_bytes",
    "log_lines",
    "move",
    "now",
    "progress_word",
    "read_name",
    "set_priority",
    "steps",
    "view",
]

PAGE_SIZE = 20
POINTS = 600  # of a curve: about as many as a screen has pixels for
LOG_LINES, SEARCHED_LINES = 300, 20_000
LOOKED_AT = 500  # waiting jobs, for a job's place among them

_ACTIONS: dict[str, Callable[[Repository, int], Job]] = {
    "cancel": lambda repository, job_id: queue.cancel(repository, job_id),
    "pause": lambda repository, job_id: queue.pause(repository, job_id),
    "resume": lambda repository, job_id: queue.resume(repository, job_id),
    "retry": lambda repository, job_id: queue.retry(repository, job_id),
}
_ALLOWED = {
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel", "retry"),
    "interrupted": ("resume", "cancel", "retry"),
}


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job and all that a look at it needs.

    Attributes:
        events: oldest first.
        first: the job that it waits for.
        waiting: the jobs that wait for it.
        ahead: the waiting jobs that have their turn before it, the next one first; empty unless it is queued.
        origin: the job that it was retried or duplicated from.
        patch: what it made, if it is on record.
        served: whether a worker is alive.
    """

    job: Job
    events: list[JobEvent]
    first: Job | None
    waiting: list[Job]
    ahead: list[Job]
    origin: Job | None
    patch: PatchRecord | None
    served: bool


def spent_s(job: Job) -> float | None:
    """Seconds that a job has taken; the clock stands once it does not run; None before it began."""
    if job.started_at is None:
        return None
    now = time.time() if job.state == "running" else job.progress.updated_at
    end = job.finished_at if job.finished_at is not None else now
    return None if end is None else max(end - job.started_at, 0.0)


def progress_word(word: str) -> str:
    """What a phase or a unit of a job's progress is called; one that no kind knows as it is."""
    return next((kind.words[word] for kind in KINDS.things() if word in kind.words), word)


def kind_texts() -> Iterator[str]:
    """All that kinds say on pages, for the translations."""
    for kind in KINDS.things():
        yield from (kind.title, *kind.words.values(), *_forms(kind))


@lru_cache(maxsize=10_000)
def read_name(stored: str) -> tuple[str, dict[str, str]] | None:
    """The form by which a kind gave a stored name, and what stands in its places; None for any other name.

    Args:
        stored: the label of a job, or the name of what it made.
    """
    for form in (form for kind in KINDS.things() for form in _forms(kind)):
        if found := _pattern(form).fullmatch(stored):
            return form, found.groupdict()
    return None


@lru_cache(maxsize=64)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(form)))


def _forms(kind: Kind[Any]) -> list[str]:
    return [form for form in (kind.name_form, kind.result_form) if form]


def allowed_actions(job: Job) -> tuple[str, ...]:
    """What can be asked of a job in its state: of `cancel`, `pause`, `resume`, `retry`."""
    return tuple(name for name in _ALLOWED.get(job.state, ("retry",)) if name != job.wanted)


@cached(ttl_s=1)
def find(
    page: int,
    *,
    states: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (),
    text: str = "",
    order: str = "newest",
) -> Found[Job]:
    """A page of the jobs; `page` counts from 1, the others as of `Jobs.find`."""
    with opened() as repository:
        like: dict[str, Any] = {"states": states, "kinds": kinds, "text": text}
        rows = repository.jobs.find(**like, order=order, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
        return Found(rows=rows, total=repository.jobs.count(**like), page_size=PAGE_SIZE)


@cached(ttl_s=1)
def now(limit: int = 5) -> tuple[list[Job], list[Job], int]:
    """What runs, the next jobs that wait, and how many wait in all."""
    with opened() as repository:
        running = repository.jobs.find(states=["running"], order="queue", limit=16)
        waiting = repository.jobs.find(states=["queued"], order="queue", limit=limit)
        return running, waiting, repository.jobs.count_by_state().get("queued", 0)


def state_of(job_id: int) -> tuple[str, str]:
    """A job's state and its label; empty once it is deleted."""
    try:
        with opened() as repository:
            job = repository.jobs.get(job_id)
    except JobError:
        return "", ""
    return job.state, job.label


@cached(ttl_s=1)
def view(job_id: int) -> JobView:
    """One job.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        jobs = repository.jobs
        job = jobs.get(job_id)
        return JobView(
            job=job,
            events=jobs.events(job_id),
            first=None if job.waits_for is None else jobs.get(job.waits_for),
            waiting=jobs.waiting_for(job_id),
            ahead=_ahead(repository, job),
            origin=None if job.origin is None else jobs.get(job.origin),
            patch=repository.patches.of_job(job_id),
            served=bool(queue.alive_workers(repository)),
        )


@cached(ttl_s=1)
def steps(job_id: int) -> list[StepRecord]:
    """A run's steps, thinned to what a chart can show."""
    with opened() as repository:
        return repository.steps.read(job_id, at_most=POINTS)


def live_image(job_id: int) -> bytes | None:
    """The PNG of the patch as it is now, or as it became; None while there is none."""
    path = queue.live_image_path(job_id)
    if path is None:  # a run in the foreground has its folder elsewhere
        with opened() as repository:
            patch = repository.patches.of_job(job_id)
        path = Path(patch.image) if patch else None
    try:
        return path.read_bytes() if path else None
    except OSError:  # between the look and the reading the run ended and cleared it away
        return None


def log_lines(job_id: int, text: str = "") -> list[str]:
    """The last lines of a job's log, or those with a text in them, ignoring case, of its last megabytes."""
    if not text:
        return queue.read_log_tail(job_id, lines=LOG_LINES)
    wanted = text.casefold()
    return [line for line in queue.read_log_tail(job_id, lines=SEARCHED_LINES) if wanted in line.casefold()]


def log_bytes(job_id: int) -> bytes:
    """A job's whole log; empty where there is none."""
    try:
        return queue.log_path(job_id).read_bytes()
    except OSError:
        return b""


def act(action: str, job_id: int) -> Job:
    """Ask something of a job; what queues work starts a worker where none is alive.

    Args:
        action: one of `allowed_actions`.
        job_id: the job.

    Returns:
        The job, or of `retry` the new one.

    Raises:
        EngineError: the job is past that, or no worker can be started.
    """
    try:
        with opened() as repository:
            job = _ACTIONS[action](repository, job_id)
            if action in ("resume", "retry"):
                queue.ensure_worker(repository, job.device)
            return job
    finally:
        _forget()


def move(job_id: int, where: str) -> None:
    """Change a waiting job's turn: `front`, `up` (one place) or `end`, of those of its priority.

    Raises:
        JobError: it no longer waits.
    """
    with opened() as repository:
        ahead = _ahead(repository, repository.jobs.get(job_id))
        if where == "end":
            queue.move(repository, job_id)
        elif ahead:
            queue.move(repository, job_id, before=ahead[0 if where == "front" else -1].id)
    _forget()


def set_priority(job_id: int, priority: int) -> None:
    """Give a waiting job a priority; it goes behind those that have it already.

    Raises:
        JobError: it no longer waits.
    """
    with opened() as repository:
        queue.move(repository, job_id, priority=priority)
    _forget()


def edit(job_id: int, *, label: str, notes: str, tags: list[str]) -> None:
    """Change a job's label and its notes, which its patch shares, and its tags.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        repository.jobs.edit(job_id, tags=tags)
        patch = repository.patches.of_job(job_id)
        run_names.give(repository, job=job_id, patch=patch.id if patch else None, name=label, notes=notes)
    _forget()


def delete(job_id: int) -> None:
    """Remove a job with its steps, log and folder; its patch on record stays.

    Raises:
        JobError: it runs, or there is none with this number.
    """
    with opened() as repository:
        queue.delete(repository, job_id)
    _forget()


def _ahead(repository: Repository, job: Job) -> list[Job]:
    if job.state != "queued":
        return []
    waiting = repository.jobs.find(states=["queued"], order="queue", limit=LOOKED_AT)
    numbers = [each.id for each in waiting]
    return waiting[: numbers.index(job.id)] if job.id in numbers else waiting


def _forget() -> None:
    """After a change the next look is at the database."""
    for each in (find, now, view):
        each.clear()
