# SPDX-License-Identifier: AGPL-3.0-only
"""The interface through which a job's work reports, and its implementation on the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from engine.jobs.kinds import kind_of
from engine.jobs.sweeps import prune_if_hopeless
from engine.records import Job, Progress, StepRecord
from engine.store.repository import Repository


class Ledger(Protocol):
    """All that a job's work knows of the queue. Methods raise `StorageError` if nothing can be stored."""

    @property
    def job_id(self) -> int:
        """The job's number."""

    def stop_requested(self) -> bool:
        """Whether the work should stop at its next checkpoint."""

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        """Store progress and steps; does not return if the attempt no longer counts. See `Queue.report`."""

    def last_step(self) -> int:
        """The number of the last stored step; 0 if there is none."""

    def checkpointed(self) -> None:
        """Note that the attempt has saved a checkpoint beyond its start."""

    def validated(
        self, iteration: int, scores: Mapping[str, float], ci95: Mapping[str, tuple[float, float]]
    ) -> None:
        """Store what the patch scored on the images held out; a hopeless trial of a sweep is cancelled."""

    def succeed(self, result: dict[str, Any]) -> None:
        """Record the result and end the job."""

    def fail(self, error: str) -> None:
        """End the job with an error of one line."""


class StoredLedger:
    """Stores a job's reports in the database.

    Args:
        repository: the database.
        job: as claimed.
        stop_requested: returns whether the job should stop.
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

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        """Store progress and steps in one transaction."""
        if not self._repository.queue.report(self._job, progress, steps=steps, forget_after=forget_after):
            self._lost()

    def last_step(self) -> int:
        """The number of the last stored step; 0 if there is none."""
        return self._repository.steps.last(self._job.id)

    def checkpointed(self) -> None:
        """Note that the attempt has made progress."""
        self._repository.queue.progressed(self._job)

    def validated(
        self, iteration: int, scores: Mapping[str, float], ci95: Mapping[str, tuple[float, float]]
    ) -> None:
        """Store a validation, and ask the job's sweep whether it should go on."""
        self._repository.validations.add(self._job.id, iteration, scores, ci95)
        prune_if_hopeless(self._repository, self._job)

    def succeed(self, result: dict[str, Any]) -> None:
        """Let the job's kind record the result, and end the job."""
        kind_of(self._job.kind).record(self._repository, self._job, result)
        self._repository.queue.finish(self._job, "succeeded", result=result)

    def fail(self, error: str) -> None:
        """End the job with an error."""
        self._repository.queue.finish(self._job, "failed", error=error)
