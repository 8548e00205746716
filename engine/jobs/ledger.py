# SPDX-License-Identifier: AGPL-3.0-only
"""Where a job's work reports to: a port, and the one that keeps it in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from engine.jobs.kinds import kind_of
from engine.records import Dataset, Job, Progress, StepRecord
from engine.store.repository import Repository


class Ledger(Protocol):
    """All that a job's work knows of the queue. Methods raise `StorageError` where nothing can be kept."""

    @property
    def job_id(self) -> int:
        """The job's number."""

    def stop_requested(self) -> bool:
        """Whether the work is to stop where it can go on from."""

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        """Keep progress and steps; does not return if the attempt no longer counts. See `Queue.report`."""

    def last_step(self) -> int:
        """The number of the last step that is kept; 0 if there is none."""

    def checkpointed(self) -> None:
        """Note that a checkpoint lies further on than where the attempt began."""

    def save_dataset(
        self, dataset: Dataset, *, rename: Callable[[Mapping[str, str]], str] | None = None
    ) -> str:
        """Keep a dataset and return its name; see `Datasets.save`."""

    def succeed(self, result: dict[str, Any]) -> None:
        """Put on record what the job made, and end it."""

    def fail(self, error: str) -> None:
        """End the job with an error of one line."""


class StoredLedger:
    """Keeps a job's reports in the database.

    Args:
        repository: where.
        job: as it was claimed.
        stop_requested: whether the job is to stop.
        lost: called when the attempt no longer counts; must not return.
    """

    def __init__(
        self,
        repository: Repository,
        job: Job,
        *,
        stop_requested: Callable[[], bool],
        lost: Callable[[], object],
    ) -> None:
        self._repository, self._job, self._lost = repository, job, lost
        self.job_id, self.stop_requested = job.id, stop_requested
        self.save_dataset = repository.datasets.save

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        """Store progress and steps in one transaction."""
        if not self._repository.queue.report(self._job, progress, steps=steps, forget_after=forget_after):
            self._lost()

    def last_step(self) -> int:
        """The number of the last step that is stored."""
        return self._repository.steps.last(self._job.id)

    def checkpointed(self) -> None:
        """Note that the attempt was not fruitless."""
        self._repository.queue.progressed(self._job)

    def succeed(self, result: dict[str, Any]) -> None:
        """Have the job's kind record the result, and end the job."""
        kind_of(self._job.kind).record(self._repository, self._job, result)
        self._repository.queue.finish(self._job, "succeeded", result=result)

    def fail(self, error: str) -> None:
        """End the job with an error."""
        self._repository.queue.finish(self._job, "failed", error=error)
