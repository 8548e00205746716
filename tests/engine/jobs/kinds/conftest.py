# SPDX-License-Identifier: AGPL-3.0-only
"""A job of any kind, carried out in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import child
from engine.jobs.ledger import StoredLedger
from engine.records import Job
from engine.runs.paths import job_folder
from engine.store.repository import Repository

CarryOut = Callable[..., tuple[Job, Any, Path]]


@pytest.fixture
def carry_out(repository: Repository) -> CarryOut:
    """Claims the next job and carries it out; its exit code is 0 unless another is expected."""

    def call(stop: Callable[[], bool] = lambda: False, *, code: int = 0) -> tuple[Job, Any, Path]:
        job = repository.queue.claim("w", "cpu:1")
        assert job is not None
        ledger = StoredLedger(repository, job, stop_requested=stop, lost=lambda: pytest.fail("lost"))
        assert child.carry_out(job, ledger) == code, repository.jobs.get(job.id).error
        return job, repository.jobs.get(job.id).result, job_folder(job.id)

    return call
