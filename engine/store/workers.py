# SPDX-License-Identifier: AGPL-3.0-only
"""The workers that are at work, by their heartbeats."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker process; times are Unix seconds. Pid and start together name a process for good."""

    id: str
    host: str
    pid: int
    process_started_at: float
    device: str
    started_at: float
    heartbeat_at: float


class Workers:
    """The workers of one database. All methods raise `StorageError` if it cannot be used."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, worker: Worker) -> None:
        """Say that a worker has begun."""
        with self._db.transaction():
            self._db.insert(f"workers ({', '.join(vars(worker))})", [tuple(vars(worker).values())])

    def beat(self, worker_id: str) -> bool:
        """Say that a worker is alive; False if it was taken for dead and removed."""
        with self._db.transaction():
            return bool(
                self._db.rows(
                    "UPDATE workers SET heartbeat_at = ? WHERE id = ? RETURNING 1", [time.time(), worker_id]
                )
            )

    def remove(self, worker_id: str) -> None:
        """Say that a worker has ended."""
        with self._db.transaction():
            self._db.rows("DELETE FROM workers WHERE id = ?", [worker_id])

    def all(self) -> list[Worker]:
        """All workers that have begun and not ended, the oldest first."""
        names = list(Worker.__dataclass_fields__)
        with self._db.errors():
            rows = self._db.rows(f"SELECT {', '.join(names)} FROM workers ORDER BY started_at")
        return [Worker(**dict(zip(names, row, strict=True))) for row in rows]
