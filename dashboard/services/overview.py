# SPDX-License-Identifier: AGPL-3.0-only
"""What the overview shows in one look, and the demo in one click."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.services.storage import cached, opened
from engine.config import DEMO_SETTINGS, RunConfig
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.records import Job, PatchRecord
from engine.store.datasets import DatasetSummary


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of the database in a few lines.

    Attributes:
        jobs: state → number of jobs.
        latest, best: patches, the newest or the strongest (by ASR) first; at most five.
        failed: the newest job, if it failed.
    """

    datasets: list[DatasetSummary]
    jobs: dict[str, int]
    latest: list[PatchRecord]
    best: list[PatchRecord]
    failed: Job | None

    @property
    def next_step(self) -> str:
        """What to do next: `demo`, `wait`, `failed`, `generate` or `compare`."""
        if self.jobs.get("running") or self.jobs.get("queued"):
            return "wait"
        if self.failed:
            return "failed"
        if not self.datasets:
            return "demo"
        return "compare" if len(self.latest) > 1 else "generate"


@cached(ttl_s=2)
def summary() -> Overview:
    """All that the overview shows besides running jobs."""
    with opened() as repository:
        newest = repository.jobs.find(limit=1)
        best = repository.patches.find(order="asr", limit=5)
        return Overview(
            datasets=repository.datasets.all(),
            jobs=repository.jobs.count_by_state(),
            latest=repository.patches.find(limit=5),
            best=[patch for patch in best if patch.score is not None],
            failed=newest[0] if newest and newest[0].state == "failed" else None,
        )


@cached(ttl_s=1)
def running_jobs() -> list[Job]:
    """The jobs that run, then the next three that wait, in the order of the queue."""
    with opened() as repository:
        running = repository.jobs.find(states=["running"], order="queue", limit=8)
        return running + repository.jobs.find(states=["queued"], order="queue", limit=3)


def start_demo() -> list[Job]:
    """Queue the demo: import its pictures, then generate a patch and score it; and start a worker for it.

    Returns:
        The two jobs; the second waits for the first.

    Raises:
        EngineError: the database cannot be written, or no worker can be started.
    """
    with opened() as repository:
        first = queue.submit(repository, "import", ImportRequest(source="demo"))
        request = GenerateRequest(config=RunConfig(**DEMO_SETTINGS))
        second = queue.submit(repository, "generate", request, waits_for=first.id)
        queue.ensure_worker(repository)
    summary.clear()
    running_jobs.clear()
    return [first, second]
