# SPDX-License-Identifier: AGPL-3.0-only
"""Workers as the sidebar sees them."""

from __future__ import annotations

from dashboard.services import workers
from engine.store.repository import Repository


def test_without_workers_one_is_asked_for(no_worker_is_started: list[str]) -> None:
    workers.alive.clear()
    assert workers.alive() == []
    workers.ensure()
    assert no_worker_is_started == ["worker"]


def test_the_job_of_a_worker_that_is_gone_runs_no_more(own_home) -> None:
    with Repository() as repository:
        job = repository.jobs.add(kind="generate", label="orphan", request={})
        repository.queue.claim("a worker that is gone", "cpu")
        workers.alive.clear()
        assert workers.alive() == []
        assert repository.jobs.get(job.id).state == "interrupted"
