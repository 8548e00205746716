# SPDX-License-Identifier: AGPL-3.0-only
"""Requests of pages for previews, and their answers by the previewer process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.json_text import from_json, json_text, key_text
from engine.store.connection import Connection

PATIENCE_S = 120.0  # loading torch and a detector for the first answer takes up to a minute
_COLUMNS = ("key", "state", "asked_at", "answered_at", "request", "answer", "error")
_COLUMNS_SQL = ", ".join(_COLUMNS)
_OLD = "FROM previews WHERE asked_at <= ? AND state IN ('done', 'failed')"
# The latest request first: a user moving a slider no longer needs its earlier positions.
_CLAIM = f"""
    UPDATE previews SET state = 'running' WHERE key = (
        SELECT key FROM previews WHERE state = 'queued' ORDER BY asked_at DESC LIMIT 1
    ) RETURNING {_COLUMNS_SQL}
"""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One request and its answer; times are Unix seconds.

    Attributes:
        key: SHA-256 of the request.
        state: `queued`, `running`, `done` or `failed`, also after `PATIENCE_S` without an answer.
        request, answer: see `engine.previews.requests`; the answer is None until `done`.
        error: one line if failed.
    """

    key: str
    state: str
    asked_at: float
    answered_at: float | None
    request: dict[str, Any]
    answer: dict[str, Any] | None
    error: str | None


class Previews:
    """The previews of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def ask(self, request: dict[str, Any], *, again: bool = False) -> Preview:
        """Queue a request unless it is known, and return its current state.

        Args:
            request: a JSON object; equal requests share an answer.
            again: retry a request that has failed or timed out.
        """
        key, text = _keyed(request)
        known = self.get(key)
        if known is not None and not (again and known.state == "failed"):
            return known
        with self._db.transaction():
            rows = self._db.rows(
                "INSERT INTO previews (key, state, asked_at, request) VALUES (?, 'queued', ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'queued', asked_at = excluded.asked_at, "
                f"answered_at = NULL, error = NULL WHERE state != 'done' RETURNING {_COLUMNS_SQL}",
                [key, time.time(), text],
            )
            rows = rows or self._rows(key)  # answered since `get` above
        return _preview_of(rows[0])

    def get(self, key: str) -> Preview | None:
        """A preview by its key; None if it was never requested, or was pruned."""
        rows = self._rows(key)
        return _preview_of(rows[0]) if rows else None

    def known(self, request: dict[str, Any]) -> Preview | None:
        """The preview of a request, without making one; None if it was never made, or was pruned."""
        return self.get(_keyed(request)[0])

    def claim(self) -> Preview | None:
        """Claim the latest queued request for the caller; None if there is none."""
        if not self._db.rows("SELECT 1 FROM previews WHERE state = 'queued' LIMIT 1"):
            return None  # without taking the write lock, which others need
        with self._db.transaction():
            rows = self._db.rows(_CLAIM)
        return _preview_of(rows[0]) if rows else None

    def answer(self, key: str, answer: dict[str, Any]) -> None:
        """Store the answer to a request."""
        self._end(key, "done", json_text(answer), None)

    def fail(self, key: str, error: str) -> None:
        """Store a request's failure, in one line."""
        self._end(key, "failed", None, error)

    def requeue(self) -> None:
        """Queue requests again that were claimed by a process that has ended."""
        with self._db.transaction():
            self._db.rows("UPDATE previews SET state = 'queued' WHERE state = 'running'")

    def forget(self, keys: Sequence[str]) -> None:
        """Remove answered previews."""
        if keys:  # otherwise the write lock, which others need, would be taken for nothing
            with self._db.transaction():
                for key in keys:
                    self._db.rows("DELETE FROM previews WHERE key = ? AND state IN ('done', 'failed')", [key])

    def old(self, *, older_than_s: float = 0.0) -> list[str]:
        """Keys of finished previews requested at least `older_than_s` seconds ago."""
        return [key for (key,) in self._db.rows(f"SELECT key {_OLD}", [time.time() - older_than_s])]

    def _end(self, key: str, state: str, answer: str | None, error: str | None) -> None:
        with self._db.transaction():
            self._db.rows(
                "UPDATE previews SET state = ?, answer = ?, error = ?, answered_at = ? WHERE key = ?",
                [state, answer, error, time.time(), key],
            )

    def _rows(self, key: str) -> list[Any]:
        return self._db.rows(f"SELECT {_COLUMNS_SQL} FROM previews WHERE key = ?", [key])


def _keyed(request: dict[str, Any]) -> tuple[str, str]:
    """A request's key and its text, the same for equal ones."""
    text = key_text(request)
    return hashlib.sha256(text.encode()).hexdigest(), text


def _preview_of(row: Sequence[Any]) -> Preview:
    fields = dict(zip(_COLUMNS, row, strict=True))
    fields["request"] = from_json(fields["request"])
    fields["answer"] = None if fields["answer"] is None else from_json(fields["answer"])
    waits = fields["state"] in ("queued", "running")
    if waits and time.time() - fields["asked_at"] > PATIENCE_S:
        fields["state"] = "failed"
        fields["error"] = (
            f"preview: expected an answer within {PATIENCE_S:g} s, got none; try again, or see previewer.log"
        )
    return Preview(**fields)
