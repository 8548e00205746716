# SPDX-License-Identifier: AGPL-3.0-only
"""Groups of jobs that belong together, such as the runs of a sweep."""

from __future__ import annotations

import time
from typing import Any

from engine.errors import JobError
from engine.json_text import from_json, json_text
from engine.records import Job, JobGroup
from engine.store.connection import Connection
from engine.store.jobs import COLUMNS_SQL, job_of


class Groups:
    """The groups of one database. Methods raise `JobError` for an unknown group."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, *, kind: str, name: str, request: dict[str, Any]) -> JobGroup:
        """Store a group without jobs, which `Jobs.add` adds to it; see `JobGroup`."""
        with self._db.transaction():
            group_id = self._db.value(
                "INSERT INTO job_groups (kind, name, request, created_at) VALUES (?, ?, ?, ?) RETURNING id",
                [kind, name, json_text(request), time.time()],
            )
        return self.get(group_id)

    def get(self, group_id: int) -> JobGroup:
        """One group."""
        rows = self._db.rows(
            "SELECT id, kind, name, request, created_at FROM job_groups WHERE id = ?", [group_id]
        )
        if not rows:
            raise JobError(f"group {group_id}: expected an existing group of jobs, found none")
        number, kind, name, request, created_at = rows[0]
        return JobGroup(id=number, kind=kind, name=name, request=from_json(request), created_at=created_at)

    def jobs(self, group_id: int) -> list[Job]:
        """The jobs of a group, oldest first."""
        rows = self._db.rows(f"SELECT {COLUMNS_SQL} FROM jobs WHERE group_id = ? ORDER BY id", [group_id])
        return [job_of(row) for row in rows]

    def delete(self, group_id: int) -> JobGroup:
        """Remove a group, but not its jobs, and return it."""
        group = self.get(group_id)
        with self._db.transaction():
            self._db.rows("DELETE FROM job_groups WHERE id = ?", [group_id])
        return group
