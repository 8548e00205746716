# SPDX-License-Identifier: AGPL-3.0-only
"""The load of machines over time: a sample every ten seconds, fewer of what is long ago."""

from __future__ import annotations

import time
from typing import Any

from engine.json_text import from_json, json_text
from engine.store.connection import Connection

SLOT_S = 10
# After so many seconds one sample in so many stays: a minute's after an hour, ten minutes' after 30 days.
THINNED = ((3600, 6), (30 * 86400, 60))
KEPT_S = 365 * 86400
_EVERY = 60  # samples between two thinnings


class Loads:
    """The samples of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, host: str, load: dict[str, Any], *, at: float | None = None) -> None:
        """Store a sample unless there is one of these ten seconds, and thin out old ones now and then.

        Args:
            host: the machine's name.
            load: as JSON has `engine.hardware.Load`.
            at: Unix seconds; by default now.
        """
        slot = int((time.time() if at is None else at) // SLOT_S)
        with self._db.transaction():
            added = self._db.rows(
                "INSERT OR IGNORE INTO loads (host, slot, load) VALUES (?, ?, ?) RETURNING slot",
                [host, slot, json_text(load)],
            )
            if added and slot % _EVERY == 0:
                self._thin(slot)

    def read(
        self, host: str, since: float, until: float, *, at_most: int = 400
    ) -> list[tuple[float, dict[str, Any]]]:
        """Moment (Unix seconds) and load of about `at_most` samples, in order.

        Args:
            host: the machine's name.
            since, until: Unix seconds, both included.
            at_most: of a longer series one sample in so many is read.
        """
        first, last = int(since // SLOT_S), int(until // SLOT_S)
        # Multiples of six: what is long ago was thinned to these.
        stride = max(-(-(last - first) // at_most), 1)
        stride = stride if stride == 1 else -(-stride // 6) * 6
        rows = self._db.rows(
            "SELECT slot, load FROM loads WHERE host = ? AND slot BETWEEN ? AND ? AND slot % ? = 0 "
            "ORDER BY slot",
            [host, first, last, stride],
        )
        return [(float(slot * SLOT_S), from_json(load)) for slot, load in rows]

    def _thin(self, now: int) -> None:
        for age_s, stays in THINNED:
            before = now - age_s // SLOT_S
            self._db.rows("DELETE FROM loads WHERE slot < ? AND slot % ? != 0", [before, stays])
        self._db.rows("DELETE FROM loads WHERE slot < ?", [now - KEPT_S // SLOT_S])
