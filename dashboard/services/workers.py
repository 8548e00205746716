# SPDX-License-Identifier: AGPL-3.0-only
"""The workers that carry out jobs, as the sidebar shows and starts them."""

from __future__ import annotations

from typing import Any

from dashboard.services.storage import cached, opened
from engine.config import autostart
from engine.jobs import queue
from engine.jobs.kinds.request import Request
from engine.records import Job
from engine.store.workers import Worker


@cached(ttl_s=2)
def alive() -> list[Worker]:
    """The workers at work; jobs of workers that are gone are taken out of their hands first."""
    with opened() as repository:
        queue.release_dead(repository)
        return queue.alive_workers(repository)


def startable() -> bool:
    """Whether a worker may be started from here.

    Raises:
        EngineError: the variable that says so is set to something else.
    """
    return autostart()


def ensure() -> None:
    """Start a worker unless one is alive.

    Raises:
        EngineError: it cannot be started.
    """
    with opened() as repository:
        queue.ensure_worker(repository)


def submit(kind: str, request: Request, **options: Any) -> Job:
    """Queue a job, and start a worker where none is alive that takes it.

    Args:
        kind: a name in `KINDS`.
        request: of that kind.
        options: as of `engine.jobs.queue.submit`.

    Raises:
        EngineError: it cannot be queued, or no worker can be started.
    """
    with opened() as repository:
        job = queue.submit(repository, kind, request, **options)
        queue.ensure_worker(repository, job.device)
    return job
