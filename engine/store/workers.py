# SPDX-License-Identifier: AGPL-3.0-only
"""Running workers and their heartbeats."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker process, identified by pid and start time together; times are Unix seconds."""

    id: str
    host: str
    pid: int
    process_started_at: float
    device: str
    started_at: float
    heartbeat_at: float


class Workers:
    """The workers of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, worker: Worker) -> None:
        """Register a worker."""
        with self._db.transaction():
            self._db.insert(f"workers ({', '.join(vars(worker))})", [tuple(vars(worker).values())])

    def beat(self, worker_id: str) -> bool:
        """Update a worker's heartbeat; False if it was considered dead and removed."""
        with self._db.transaction():
            return bool(
                self._db.rows(
                    "UPDATE workers SET heartbeat_at = ? WHERE id = ? RETURNING 1", [time.time(), worker_id]
                )
            )

    def remove(self, worker_id: str) -> None:
        """Unregister a worker."""
        with self._db.transaction():
            self._db.rows("DELETE FROM workers WHERE id = ?", [worker_id])

    def all(self) -> list[Worker]:
        """All registered workers, the oldest first."""
        names = list(Worker.__dataclass_fields__)
        rows = self._db.rows(f"SELECT {', '.join(names)} FROM workers ORDER BY started_at")
        return [Worker(**dict(zip(names, row, strict=True))) for row in rows]
