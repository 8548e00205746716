# SPDX-License-Identifier: AGPL-3.0-only
"""A benchmark in a real worker, killed between its parts: what is measured stays, the rest follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.benchmark.wording import label
from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.runs.paths import job_folder
from engine.store.repository import Repository
from tests.engine.jobs.processes import children, kill, until, wait_for, worker


@pytest.mark.slow
def test_a_killed_benchmark_goes_on_after_its_finished_part(
    own_home: Path, repository: Repository, settings: Callable[..., RunConfig]
) -> None:
    job_id = queue.submit(
        repository, "benchmark", BenchmarkRequest(suite="floor", config=settings()), auto_resume=True
    ).id
    with worker(own_home) as process:
        (first,) = until(lambda: repository.benchmarks.done_parts(1), 90, repository, job_id)
        kill(children(process))
        before = repository.benchmarks.get(1)
        job = wait_for(repository, job_id, "succeeded", "failed", "interrupted")
    assert (job.state, job.attempt, job.error) == ("succeeded", 2, None)
    assert (job.progress.phase, job.progress.done, job.progress.total) == ("measuring", 2, 2)
    (run,) = repository.benchmarks.find()
    assert (run.state, run.job_id, run.attempt) == ("finished", job_id, 2)
    done = repository.benchmarks.get(run.id).measurements
    assert len(repository.benchmarks.done_parts(run.id)) == 2
    assert done[: len(before.measurements)] == before.measurements
    assert (
        len({(label(each.side), each.metric) for each in done}) == len(done) == 2 * len(before.measurements)
    )
    compared = repository.benchmarks.get(run.id).comparisons
    assert compared[: len(before.comparisons)] == before.comparisons
    assert len(compared) == 2 * len(before.comparisons)
    assert json.loads((job_folder(job_id) / "benchmark.json").read_text()) == job.result
    assert f"{first}: already measured" in "\n".join(queue.read_log_tail(job_id))
