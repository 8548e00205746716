# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from pathlib import Path

from engine.store.repository import Repository
from tests.measure.store_load import measure_jobs, measure_steps


def test_what_it_counts_is_what_the_database_holds(tmp_path: Path) -> None:
    path = tmp_path / "patchbench.db"
    steps = measure_steps(path, writers=3, seconds=0.2, steps=5)
    jobs = measure_jobs(path, writers=3, seconds=0.2)
    with Repository(path) as repository:
        stored = sum(repository.steps.last(job) for job in (1, 2, 3))
        assert repository.jobs.count(states=["succeeded"]) == 3 + jobs.done
    assert (stored, steps.refused, jobs.refused) == (steps.done * 5, 0, 0)
    assert steps.done == len(steps.waits_s) >= 3
    assert steps.per_s > 0 < jobs.p95_ms
