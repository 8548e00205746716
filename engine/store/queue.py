# SPDX-License-Identifier: AGPL-3.0-only
"""The queue: each change of a job's state is one atomic statement in a transaction that writes first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import JobError
from engine.json_text import json_text
from engine.records import Job, Progress, StepRecord
from engine.store.connection import Connection
from engine.store.jobs import COLUMNS_SQL, Jobs, job_of
from engine.store.steps import Steps

# Consecutive attempts without progress after which a job is no longer resumed automatically.
FRUITLESS_LIMIT = 3

# Jobs whose turn may come: queued, and their prerequisite, if any, has succeeded.
_READY = """
    FROM jobs AS candidate LEFT JOIN jobs AS first ON first.id = candidate.waits_for
    WHERE candidate.state = 'queued' AND (first.id IS NULL OR first.state = 'succeeded')
"""
_IN_ORDER = "ORDER BY candidate.priority DESC, candidate.place"

# Claims the first job that may run on device ?2 (`cuda:1` for jobs on `cuda:1`, `cuda` or `auto`), or job ?5
# wherever it may run.
_CLAIM = f"""
    UPDATE jobs SET state = 'running', worker = ?1, running_on = ?2, attempt = attempt + 1, error = NULL,
        fruitless = fruitless + 1, wanted = NULL, progress = '{{}}', node = NULL, node_device = NULL,
        started_at = coalesce(started_at, ?3), finished_at = NULL
    WHERE id = (
        SELECT candidate.id {_READY}
            AND (candidate.id = ?5 OR ?5 IS NULL AND candidate.device IN ('auto', ?2, ?4))
        {_IN_ORDER} LIMIT 1
    ) AND NOT EXISTS (SELECT 1 FROM jobs WHERE running_on = ?2)
    RETURNING {COLUMNS_SQL}
"""


class Queue:
    """The queue of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db, self._jobs, self._steps = connection, Jobs(connection), Steps(connection)

    def claim(
        self, worker: str, device: str, *, job_id: int | None = None, where: str | None = None
    ) -> Job | None:
        """Claim the next job that may run on a device; None if there is none or the device is busy.

        Args:
            worker: the worker's id.
            device: that no other running job has.
            job_id: claim this job, whatever device it asks for.
            where: what the job's events call the device.
        """
        with self._db.transaction():
            rows = self._db.rows(_CLAIM, [worker, device, time.time(), device.partition(":")[0], job_id])
            if not rows:
                return None
            job = job_of(rows[0])
            self._jobs.note(job.id, "started", f"attempt {job.attempt} on {where or device}")
        return job

    def waiting(self, *, limit: int) -> list[Job]:
        """The first jobs that may run, in the order of their turns."""
        columns = COLUMNS_SQL.replace(", ", ", candidate.")
        rows = self._db.rows(f"SELECT candidate.{columns} {_READY} {_IN_ORDER} LIMIT ?", [limit])
        return [job_of(row) for row in rows]

    def placed(self, job: Job) -> None:
        """Store the node and the device there of a running job."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE jobs SET node = ?, node_device = ? "
                "WHERE id = ? AND attempt = ? AND state = 'running'",
                [job.node, job.node_device, job.id, job.attempt],
            )

    def holders(self) -> set[str]:
        """Ids of the workers that running jobs are assigned to."""
        rows = self._db.rows("SELECT worker FROM jobs WHERE state = 'running'")
        return {worker for (worker,) in rows}

    def stop_request(self, job: Job) -> str | None:
        """`cancel` or `pause` if requested of a running job, `gone` if the attempt no longer counts."""
        rows = self._db.rows(
            "SELECT wanted FROM jobs WHERE id = ? AND attempt = ? AND state = 'running'",
            [job.id, job.attempt],
        )
        return rows[0][0] if rows else "gone"

    def report(
        self,
        job: Job,
        progress: Progress,
        *,
        steps: Iterable[StepRecord] = (),
        forget_after: int | None = None,
    ) -> bool:
        """Store a running job's progress and steps in one transaction.

        Args:
            job: as claimed.
            progress: of the job.
            steps: new steps; stored steps with the same number are replaced.
            forget_after: number of the step after which stored steps are deleted first.

        Returns:
            False, with nothing stored, if the attempt no longer counts.
        """
        with self._db.transaction():
            counts = self._db.rows(
                "UPDATE jobs SET progress = ? WHERE id = ? AND attempt = ? AND state = 'running' RETURNING 1",
                [json_text(vars(progress)), job.id, job.attempt],
            )
            if counts:
                self._steps.write(job.id, steps, forget_after=forget_after)
        return bool(counts)

    def finish(
        self, job: Job, state: str, *, result: dict[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End the attempt of a running job; False, with nothing changed, if it no longer counts.

        Args:
            job: as claimed.
            state: `succeeded`, `failed`, `cancelled`, `paused`, `interrupted`, or `queued` to resume. A
                request to cancel or pause overrides the last two.
            result: of the job; None keeps the stored one.
            error: one line.
        """
        with self._db.transaction():
            changed = self._db.rows(
                """
                UPDATE jobs SET result = coalesce(?1, result), error = ?2, worker = NULL, running_on = NULL,
                    wanted = NULL,
                    state = CASE WHEN ?3 NOT IN ('queued', 'interrupted') THEN ?3
                        WHEN wanted = 'cancel' THEN 'cancelled' WHEN wanted = 'pause' THEN 'paused'
                        ELSE ?3 END,
                    finished_at = CASE WHEN ?3 = 'queued' AND wanted IS NULL THEN NULL ELSE ?4 END
                WHERE id = ?5 AND attempt = ?6 AND state = 'running' RETURNING state
                """,
                [
                    None if result is None else json_text(result),
                    error,
                    state,
                    time.time(),
                    job.id,
                    job.attempt,
                ],
            )
            for (ended,) in changed:
                self._jobs.note(job.id, ended, error or "")
                if ended in ("failed", "cancelled"):
                    self._jobs.end_those_that_wait_for(job.id)
        return bool(changed)

    def progressed(self, job: Job) -> None:
        """Note that a running job has saved a new checkpoint, which makes the attempt count as progress."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE jobs SET fruitless = 0 WHERE id = ? AND attempt = ? AND state = 'running'",
                [job.id, job.attempt],
            )

    def may_go_on(self, job: Job) -> bool:
        """Whether a crashed job should be queued again automatically."""
        rows = self._db.rows("SELECT auto_resume, fruitless FROM jobs WHERE id = ?", [job.id])
        return bool(rows) and bool(rows[0][0]) and rows[0][1] < FRUITLESS_LIMIT

    def move(self, job_id: int, *, priority: int | None = None, before: int | None = None) -> Job:
        """Change the position of a job in the queue.

        Args:
            job_id: a queued or paused job.
            priority: higher goes first.
            before: the job to go in front of, adopting its priority; None for behind all of equal priority.

        Raises:
            JobError: one of the jobs does not exist, or is neither queued nor paused.
        """
        with self._db.transaction():
            if before is not None:
                priority, place = self._place_before(job_id, before)
            else:
                place = self._db.value("SELECT coalesce(max(place), 0) + 1 FROM jobs")
            rows = self._db.rows(
                "UPDATE jobs SET priority = coalesce(?, priority), place = ? "
                "WHERE id = ? AND state IN ('queued', 'paused') RETURNING 1",
                [priority, place, job_id],
            )
        return self._changed(job_id, bool(rows), "move", ("queued", "paused"))

    def _place_before(self, job_id: int, before: int) -> tuple[int, float]:
        """Priority and place right before a queued job, halfway to the one in front of it."""
        for _ in range(2):
            target = self._db.rows(
                "SELECT priority, place FROM jobs WHERE id = ? AND id != ? AND state IN ('queued', 'paused')",
                [before, job_id],
            )
            if not target:
                raise JobError(f"job {before}: expected another waiting job, found none; see: jobs list")
            priority, place = target[0]
            front = self._db.value(
                "SELECT coalesce(max(place), ? - 2) FROM jobs WHERE priority = ? AND place < ? AND id != ?",
                [place, priority, place, job_id],
            )
            if front < (front + place) / 2 < place:
                break
            # No float lies between after too many halvings: renumber all places.
            self._db.rows(
                "UPDATE jobs SET place = numbered.place FROM "
                "(SELECT id, row_number() OVER (ORDER BY place) AS place FROM jobs) AS numbered "
                "WHERE jobs.id = numbered.id"
            )
        return priority, (front + place) / 2

    def ask(self, job_id: int, request: str) -> Job:
        """Request `cancel` or `pause`, which takes effect at once unless the job is running.

        Raises:
            JobError: there is no such job, or its state does not allow it.
        """
        at_once, open_states = {
            "cancel": ("cancelled", ("queued", "running", "paused", "interrupted")),
            "pause": ("paused", ("queued", "running")),
        }[request]
        with self._db.transaction():
            rows = self._db.rows(
                f"""
                UPDATE jobs SET
                    wanted = CASE WHEN state = 'running' AND coalesce(wanted, '') != 'cancel' THEN ?
                        ELSE wanted END,
                    finished_at = CASE WHEN state = 'running' THEN NULL ELSE ? END,
                    state = CASE WHEN state = 'running' THEN state ELSE ? END
                WHERE id = ? AND state IN ({", ".join("?" * len(open_states))}) RETURNING state
                """,
                [request, time.time(), at_once, job_id, *open_states],
            )
            if rows:
                self._jobs.note(job_id, f"{request} asked" if rows[0][0] == "running" else at_once)
            if rows and rows[0][0] == "cancelled":
                self._jobs.end_those_that_wait_for(job_id)
        return self._changed(job_id, bool(rows), request, open_states)

    def resume(self, job_id: int) -> Job:
        """Queue a paused or interrupted job again, to continue from its checkpoint.

        Raises:
            JobError: there is no such job, or it is in another state.
        """
        with self._db.transaction():
            rows = self._db.rows(
                "UPDATE jobs SET state = 'queued', finished_at = NULL, error = NULL, fruitless = 0 "
                "WHERE id = ? AND state IN ('paused', 'interrupted') RETURNING 1",
                [job_id],
            )
            if rows:
                self._jobs.note(job_id, "queued", "to resume")
        return self._changed(job_id, bool(rows), "resume", ("paused", "interrupted"))

    def release(self, workers: Iterable[str], error: str) -> list[Job]:
        """End the jobs of dead workers as requested, else as queued (if auto-resuming) or interrupted."""
        gone = list(workers)
        places = ", ".join("?" * len(gone))
        with self._db.transaction():
            rows = self._db.rows(
                f"""
                UPDATE jobs SET worker = NULL, running_on = NULL, wanted = NULL, error = ?2,
                    finished_at = CASE WHEN wanted IS NULL AND auto_resume AND fruitless < {FRUITLESS_LIMIT}
                        THEN NULL ELSE ?1 END,
                    state = CASE WHEN wanted = 'cancel' THEN 'cancelled' WHEN wanted = 'pause' THEN 'paused'
                        WHEN auto_resume AND fruitless < {FRUITLESS_LIMIT} THEN 'queued'
                        ELSE 'interrupted' END
                WHERE state = 'running' AND worker IN ({places}) RETURNING {COLUMNS_SQL}
                """,
                [time.time(), error, *gone],
            )
            jobs = [job_of(row) for row in rows]
            for job in jobs:
                self._jobs.note(job.id, job.state, error)
                if job.state == "cancelled":
                    self._jobs.end_those_that_wait_for(job.id)
        return jobs

    def _changed(self, job_id: int, changed: bool, action: str, states: Sequence[str]) -> Job:
        job = self._jobs.get(job_id)
        if not changed:
            raise JobError(f"job {job_id}: expected state {' or '.join(states)} to {action}, got {job.state}")
        return job
