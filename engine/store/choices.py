# SPDX-License-Identifier: AGPL-3.0-only
"""Measured choices of precision, batch size and compilation, by all that they depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.choices import Choice
from engine.json_text import from_json, json_text, key_text
from engine.store.connection import Connection


class Choices:
    """The choices of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, key: dict[str, Any]) -> Choice | None:
        """What was measured with exactly this key, if anything, marked as known."""
        rows = self._db.rows("SELECT choice FROM choices WHERE key = ?", [key_text(key)])
        return _known(rows[0][0]) if rows else None

    def put(self, key: dict[str, Any], choice: Choice) -> None:
        """Store a measurement, replacing an earlier one with the same key."""
        row = (key_text(key), choice.measured_at, json_text(choice.to_json()))
        with self._db.transaction():
            self._db.insert("choices (key, measured_at, choice)", [row], replace=True)

    def latest(self, limit: int) -> list[tuple[dict[str, Any], Choice]]:
        """The latest measurements with their keys, newest first."""
        rows = self._db.rows("SELECT key, choice FROM choices ORDER BY measured_at DESC LIMIT ?", [limit])
        return [(from_json(key), _known(choice)) for key, choice in rows]


def _known(text: str) -> Choice:
    return replace(Choice.from_json(from_json(text)), elapsed_s=0.0, known=True)
