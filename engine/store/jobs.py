# SPDX-License-Identifier: AGPL-3.0-only
"""Adds, lists, edits and deletes jobs; `engine.store.queue` changes their states."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import JobError
from engine.json_text import from_json, json_text
from engine.records import Job, JobEvent, Progress
from engine.store.connection import Connection

_COLUMNS = (
    *("id", "kind", "state", "label", "device", "priority", "place", "waits_for", "origin", "wanted"),
    *("auto_resume", "attempt", "worker", "running_on", "created_at", "started_at", "finished_at", "seed"),
    *("code_version", "folder", "notes", "tags", "error", "progress", "estimate", "request", "result"),
    *("group_id", "needs", "node", "node_device"),
)
COLUMNS_SQL = ", ".join(_COLUMNS)
_JSON = {"tags", "needs", "progress", "estimate", "request", "result"}
_EDITABLE = {"label", "notes", "tags", "priority", "place", "auto_resume", "folder", "estimate"}
_ORDERS = {
    "newest": "+id DESC",  # the plus makes SQLite read an index instead of the long rows
    "oldest": "+id",
    "queue": "state = 'running' DESC, priority DESC, place",
    # Not `unixepoch('subsec')`, which SQLite has from 3.42 on.
    "longest": "coalesce(finished_at, (julianday('now') - 2440587.5) * 86400) - started_at DESC",
    "label": "label COLLATE NOCASE, id",
}


class Jobs:
    """The jobs of one database. Methods raise `JobError` for an unknown job."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(
        self,
        *,
        kind: str,
        label: str,
        request: dict[str, Any],
        device: str = "auto",
        seed: int = 0,
        code_version: str = "",
        priority: int = 0,
        waits_for: int | None = None,
        origin: int | None = None,
        group_id: int | None = None,
        auto_resume: bool = False,
        parent: str | None = None,
        tags: Sequence[str] = (),
        notes: str = "",
        estimate: dict[str, Any] | None = None,
        needs: dict[str, Any] | None = None,
    ) -> Job:
        """Queue a job behind those of its priority; see `Job` for the fields.

        Args:
            parent: the folder that contains the job's own folder, which is named by its number.

        Raises:
            JobError: the job that it waits for does not exist or can no longer succeed.
        """
        values = {
            "kind": kind,
            "state": "queued",
            "label": label,
            "device": device,
            "seed": seed,
            "code_version": code_version,
            "priority": priority,
            "waits_for": waits_for,
            "origin": origin,
            "group_id": group_id,
            "auto_resume": int(auto_resume),
            "notes": notes,
            "tags": json_text(tags),
            "estimate": json_text(estimate or {}),
            "needs": json_text(needs or {}),
            "request": json_text(request),
            "created_at": time.time(),
        }
        with self._db.transaction():
            self._require_unfailed(waits_for)
            job_id = self._insert(values, parent)
            self.note(job_id, "queued")
        return self.get(job_id)

    def add_finished(
        self,
        *,
        kind: str,
        label: str,
        request: dict[str, Any],
        device: str,
        seed: int,
        code_version: str,
        elapsed_s: float,
        result: dict[str, Any],
        folder: str | None = None,
        parent: str | None = None,
    ) -> Job:
        """Record work that has just succeeded outside the queue.

        Args:
            folder: of its results; None for one in `parent`, as in `add`.
        """
        now = time.time()
        values = {
            "kind": kind,
            "state": "succeeded",
            "label": label,
            "device": device,
            "seed": seed,
            "code_version": code_version,
            "folder": folder,
            "created_at": now - elapsed_s,
            "started_at": now - elapsed_s,
            "finished_at": now,
            "request": json_text(request),
            "result": json_text(result),
        }
        with self._db.transaction():
            job_id = self._insert(values, parent)
            self.note(job_id, "succeeded", "in the foreground")
        return self.get(job_id)

    def get(self, job_id: int) -> Job:
        """One job."""
        rows = self._db.rows(f"SELECT {COLUMNS_SQL} FROM jobs WHERE id = ?", [job_id])
        if not rows:
            raise JobError(f"job {job_id}: expected an existing job, found none; see: jobs list")
        return job_of(rows[0])

    def find(
        self,
        *,
        states: Iterable[str] = (),
        kinds: Iterable[str] = (),
        text: str = "",
        order: str = "newest",
        limit: int = 100,
        offset: int = 0,
    ) -> list[Job]:
        """A page of jobs.

        Args:
            states, kinds: allowed states and kinds; empty for all.
            text: part of the label, the notes, a tag or the error, ignoring case.
            order: `newest`, `oldest`, `queue` (running first, then in order of execution), `longest` or
                `label`.
            limit, offset: of the page.
        """
        where, values = _conditions(states, kinds, text)
        rows = self._db.rows(
            # The subquery sorts by indexes alone; only the page's rows, which are long, are read.
            f"SELECT {COLUMNS_SQL} FROM jobs WHERE id IN (SELECT id FROM jobs {where} "
            f"ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?) ORDER BY {_ORDERS[order]}",
            [*values, limit, offset],
        )
        return [job_of(row) for row in rows]

    def labels(
        self, *, states: Iterable[str] = (), kinds: Iterable[str] = (), limit: int = 100
    ) -> dict[int, str]:
        """Id → label of the newest jobs in these states and of these kinds; faster than `find`."""
        where, values = _conditions(states, kinds, "")
        return dict(
            self._db.rows(
                f"SELECT id, label FROM jobs {where} ORDER BY {_ORDERS['newest']} LIMIT ?",
                [*values, limit],
            )
        )

    def count(self, *, states: Iterable[str] = (), kinds: Iterable[str] = (), text: str = "") -> int:
        """Number of jobs that `find` would return without a limit."""
        where, values = _conditions(states, kinds, text)
        return int(self._db.value(f"SELECT count(*) FROM jobs {where}", values))

    def count_by_state(self) -> dict[str, int]:
        """State → number of jobs in it, for states with any."""
        return dict(self._db.rows("SELECT state, count(*) FROM jobs GROUP BY state"))

    def events(self, job_id: int) -> list[JobEvent]:
        """The events of a job, oldest first."""
        rows = self._db.rows(
            "SELECT at, event, detail FROM job_events WHERE job_id = ? ORDER BY id", [job_id]
        )
        return [JobEvent(at=at, event=event, detail=detail) for at, event, detail in rows]

    def waiting_for(self, job_id: int) -> list[Job]:
        """The jobs submitted to start after this one, in whatever state, oldest first."""
        rows = self._db.rows(f"SELECT {COLUMNS_SQL} FROM jobs WHERE waits_for = ? ORDER BY id", [job_id])
        return [job_of(row) for row in rows]

    def edit(self, job_id: int, **changes: Any) -> Job:
        """Change label, notes, tags, priority, place, auto_resume, folder or estimate."""
        if wrong := set(changes) - _EDITABLE:
            raise ValueError(f"expected some of {sorted(_EDITABLE)}, got {sorted(wrong)}")
        values = {name: json_text(v) if name in _JSON else v for name, v in changes.items()}
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._db.transaction():
            self._db.rows(f"UPDATE jobs SET {assignments} WHERE id = ?", [*values.values(), job_id])
        return self.get(job_id)

    def delete(self, job_id: int) -> Job:
        """Remove a job with its steps and events, and return it.

        Raises:
            JobError: there is no such job, or it is running.
        """
        job = self.get(job_id)
        with self._db.transaction():
            rows = self._db.rows("SELECT state FROM jobs WHERE id = ? AND state != 'running'", [job_id])
            if rows and rows[0][0] != "succeeded":
                self.end_those_that_wait_for(job_id)
            if rows:
                self._db.rows("DELETE FROM jobs WHERE id = ?", [job_id])
        if not rows:
            raise JobError(
                f"job {job_id}: expected a job that is not running, got a running one; cancel it first"
            )
        return job

    def end_those_that_wait_for(self, job_id: int) -> None:
        """Within a transaction, fail all jobs that wait, directly or indirectly, for this one."""
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
        error = f"job {job_id}, which this one waits for, did not succeed; retry both"
        for (each,) in waiting:
            self._db.rows(
                "UPDATE jobs SET state = 'failed', error = ?, finished_at = ? WHERE id = ?",
                [error, time.time(), each],
            )
            self.note(each, "failed", error)

    def _require_unfailed(self, waits_for: int | None) -> None:
        if waits_for is None:
            return
        states = [state for (state,) in self._db.rows("SELECT state FROM jobs WHERE id = ?", [waits_for])]
        if not states or states[0] in ("failed", "cancelled"):
            got = (
                f"one that {states[0]}"
                if states == ["failed"]
                else f"one that is {states[0]}"
                if states
                else "none"
            )
            raise JobError(
                f"waits for job {waits_for}: expected a job that can still succeed, got {got}; choose another"
            )

    def _insert(self, values: dict[str, Any], parent: str | None) -> int:
        """Insert a row at the end of the queue, with a folder in `parent` if given, and return its id."""
        names, places = ", ".join(values), ", ".join("?" * len(values))
        job_id = int(
            self._db.value(
                f"INSERT INTO jobs ({names}, place) VALUES "
                f"({places}, (SELECT coalesce(max(place), 0) + 1 FROM jobs)) RETURNING id",
                values.values(),
            )
        )
        if parent is not None:
            self._db.rows("UPDATE jobs SET folder = ? WHERE id = ?", [f"{parent}/{job_id}", job_id])
        return job_id

    def note(self, job_id: int, event: str, detail: str = "") -> None:
        """Add an event to a job, within a transaction."""
        self._db.insert("job_events (job_id, at, event, detail)", [(job_id, time.time(), event, detail)])


def _conditions(states: Iterable[str], kinds: Iterable[str], text: str) -> tuple[str, list[Any]]:
    clauses, values = [], []
    for column, allowed in (("state", list(states)), ("kind", list(kinds))):
        if allowed:
            clauses.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            values += allowed
    if text:
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        clauses.append(
            "(" + " OR ".join(f"{c} LIKE ? ESCAPE '\\'" for c in ("label", "notes", "tags", "error")) + ")"
        )
        values += [pattern] * 4
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values


def job_of(row: Sequence[Any]) -> Job:
    """A job from a row of `COLUMNS_SQL`."""
    fields = dict(zip(_COLUMNS, row, strict=True))
    for name in _JSON:
        fields[name] = None if fields[name] is None else from_json(fields[name])
    fields["tags"] = tuple(fields["tags"])
    fields["auto_resume"] = bool(fields["auto_resume"])
    fields["progress"] = Progress(**fields["progress"])
    return Job(**fields)
