# SPDX-License-Identifier: AGPL-3.0-only
"""Detectors' weights, identified by checksum."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from engine.json_text import from_json, json_text
from engine.records import WeightRecord
from engine.store.connection import Connection

_COLUMNS = ("id", "name", "path", "checksum", "family", "classes", "origin", "created_at")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM weights"


class Weights:
    """The weights of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(
        self,
        *,
        name: str,
        path: str,
        checksum: str,
        family: str,
        classes: Sequence[str] = (),
        origin: dict[str, Any] | None = None,
    ) -> WeightRecord:
        """Store weights, or update the path and fill in missing values of known ones; see `WeightRecord`."""
        values = [name, path, checksum, family, json_text(classes), json_text(origin or {}), time.time()]
        with self._db.transaction():
            rows = self._db.rows(
                f"""
                INSERT INTO weights ({", ".join(_COLUMNS[1:])}) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (checksum) DO UPDATE SET
                    path = excluded.path,
                    classes = iif(classes = '[]', excluded.classes, classes),
                    origin = iif(origin = '{{}}', excluded.origin, origin)
                RETURNING {", ".join(_COLUMNS)}
                """,
                values,
            )
        return _record(rows[0])

    def find(self, checksum: str) -> WeightRecord | None:
        """The weights with this checksum, if any."""
        rows = self._db.rows(f"{_SELECT} WHERE checksum = ?", [checksum])
        return _record(rows[0]) if rows else None

    def all(self) -> list[WeightRecord]:
        """All weights, the earliest recorded first."""
        return [_record(row) for row in self._db.rows(f"{_SELECT} ORDER BY id")]


def _record(row: Sequence[Any]) -> WeightRecord:
    fields = dict(zip(_COLUMNS, row, strict=True))
    json = {"classes": tuple(from_json(fields["classes"])), "origin": from_json(fields["origin"])}
    return WeightRecord(**fields | json)
