# SPDX-License-Identifier: AGPL-3.0-only
"""The queue: every change of a job's state is one atomic statement in a transaction that writes first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import JobError
from engine.records import Job, Progress
from engine.store.connection import Connection
from engine.store.jobs import COLUMNS_SQL, Jobs, job_of

__all__ = ["Queue"]

# The first job that may run on ?2: asked for it or for any device, nothing before it left to wait for.
_CLAIM = f"""
    UPDATE jobs SET state = 'running', worker = ?1, running_on = ?2, attempt = attempt + 1, error = NULL,
        wanted = NULL, started_at = coalesce(started_at, ?3), finished_at = NULL
    WHERE id = (
        SELECT candidate.id FROM jobs AS candidate
        LEFT JOIN jobs AS first ON first.id = candidate.waits_for
        WHERE candidate.state = 'queued' AND candidate.device IN ('auto', ?2)
            AND (first.id IS NULL OR first.state = 'succeeded')
        ORDER BY candidate.priority DESC, candidate.place LIMIT 1
    ) AND NOT EXISTS (SELECT 1 FROM jobs WHERE running_on = ?2)
    RETURNING {COLUMNS_SQL}
"""


class Queue:
    """The queue of one database. All methods raise `StorageError` if it cannot be used."""

    def __init__(self, connection: Connection) -> None:
        self._db, self._jobs = connection, Jobs(connection)

    def claim(self, worker: str, device: str) -> Job | None:
        """The next job that may run on a device, taken in one statement; None: none, or it is busy."""
        with self._db.transaction():
            rows = self._db.rows(_CLAIM, [worker, device, time.time()])
            if not rows:
                return None
            job = job_of(rows[0])
            self._jobs.note(job.id, "started", f"attempt {job.attempt} on {device}")
        return job

    def report(self, job: Job, progress: Progress) -> bool:
        """Store how far a running job is; False if the attempt is no longer the one that counts."""
        with self._db.transaction():
            return bool(
                self._db.rows(
                    "UPDATE jobs SET progress = ? "
                    "WHERE id = ? AND attempt = ? AND state = 'running' RETURNING 1",
                    [json.dumps(vars(progress)), job.id, job.attempt],
                )
            )

    def finish(
        self, job: Job, state: str, *, result: dict[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """End the attempt of a running job; False, and nothing changes, if it no longer counts.

        Args:
            job: as it was claimed.
            state: `succeeded`, `failed`, `cancelled`, `paused`, `interrupted`; `queued`: go on by itself.
            result: what came of it; None keeps what is stored.
            error: one line.
        """
        with self._db.transaction():
            changed = self._db.rows(
                """
                UPDATE jobs SET state = ?, result = coalesce(?, result), error = ?, finished_at = ?,
                    worker = NULL, running_on = NULL, wanted = NULL
                WHERE id = ? AND attempt = ? AND state = 'running' RETURNING 1
                """,
                [
                    state,
                    None if result is None else json.dumps(result),
                    error,
                    None if state == "queued" else time.time(),
                    job.id,
                    job.attempt,
                ],
            )
            if changed:
                self._jobs.note(job.id, state, error or "")
                if state in ("failed", "cancelled"):
                    self._end_those_that_wait_for(job.id)
        return bool(changed)

    def ask(self, job_id: int, wanted: str) -> Job:
        """Ask for `cancel` or `pause`: what runs is told to its worker, what does not changes at once.

        Raises:
            JobError: there is no such job, or it is past that.
        """
        at_once, open_states = {
            "cancel": ("cancelled", ("queued", "running", "paused", "interrupted")),
            "pause": ("paused", ("queued", "running")),
        }[wanted]
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
                [wanted, time.time(), at_once, job_id, *open_states],
            )
            if rows:
                self._jobs.note(job_id, f"{wanted} asked" if rows[0][0] == "running" else at_once)
            if rows and rows[0][0] == "cancelled":
                self._end_those_that_wait_for(job_id)
        return self._changed(job_id, bool(rows), wanted, open_states)

    def resume(self, job_id: int) -> Job:
        """Queue a paused or interrupted job again; it goes on from its checkpoint.

        Raises:
            JobError: there is no such job, or it is in another state.
        """
        with self._db.transaction():
            rows = self._db.rows(
                "UPDATE jobs SET state = 'queued', finished_at = NULL, error = NULL "
                "WHERE id = ? AND state IN ('paused', 'interrupted') RETURNING 1",
                [job_id],
            )
            if rows:
                self._jobs.note(job_id, "queued", "to go on")
        return self._changed(job_id, bool(rows), "resume", ("paused", "interrupted"))

    def release(self, workers: Iterable[str], error: str) -> list[Job]:
        """End the jobs of workers that are gone, as was wanted of them or else as interrupted.

        A job that resumes by itself is queued again instead.
        """
        gone = list(workers)
        places = ", ".join("?" * len(gone))
        with self._db.transaction():
            rows = self._db.rows(
                f"""
                UPDATE jobs SET worker = NULL, running_on = NULL, wanted = NULL, finished_at = ?, error = ?,
                    state = CASE WHEN wanted = 'cancel' THEN 'cancelled' WHEN wanted = 'pause' THEN 'paused'
                        WHEN auto_resume THEN 'queued' ELSE 'interrupted' END
                WHERE state = 'running' AND worker IN ({places}) RETURNING {COLUMNS_SQL}
                """,
                [time.time(), error, *gone],
            )
            jobs = [job_of(row) for row in rows]
            for job in jobs:
                self._jobs.note(job.id, job.state, error)
                if job.state == "cancelled":
                    self._end_those_that_wait_for(job.id)
        return jobs

    def _changed(self, job_id: int, changed: bool, wanted: str, states: Sequence[str]) -> Job:
        job = self._jobs.get(job_id)
        if not changed:
            raise JobError(
                f"job {job_id}: expected one that is {' or '.join(states)} to {wanted}, "
                f"got one that is {job.state}"
            )
        return job

    def _end_those_that_wait_for(self, job_id: int) -> None:
        """A job that waits on what will never come fails, and so do those that wait on it."""
        waiting = self._db.rows(
            """
            WITH RECURSIVE waiting(id) AS (
                SELECT id FROM jobs WHERE waits_for = ? AND state IN ('queued', 'paused', 'interrupted')
                UNION SELECT jobs.id FROM jobs JOIN waiting ON jobs.waits_for = waiting.id
                WHERE jobs.state IN ('queued', 'paused', 'interrupted')
            )
            SELECT id FROM waiting
            """,
            [job_id],
        )
        error = f"job {job_id}, on which this one waits, did not succeed; retry both"
        for (each,) in waiting:
            self._db.rows(
                "UPDATE jobs SET state = 'failed', error = ?, finished_at = ? WHERE id = ?",
                [error, time.time(), each],
            )
            self._jobs.note(each, "failed", error)
