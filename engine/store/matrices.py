# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices of patches, detectors, defences and datasets; stored cell by cell, so that they resume."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.defences.kinds import NONE
from engine.errors import JobError, StorageError
from engine.json_text import from_json, json_text, key_text
from engine.store.connection import Connection

_COLUMNS = ("id", "job_id", "label", "state", "attempt", "started_at", "finished_at", "request", "facts")
_COLUMNS_SQL = ", ".join(_COLUMNS)
_AXES = ("patches", "detectors", "datasets", "defences")
_CELL = ("subject", "scored_at", "facts", "evaluation", "error")


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """One patch on one detector behind one defence and on one dataset; `scored_at` in Unix seconds.

    Attributes:
        subject: `patch`, `detector`, `dataset` and `defence`, as the request names them; before there were
            defences it was `none`.
        facts: `own` (the patch was made on this detector), `adaptive` (it was made on it through this very
            defence), `held_out` (as of `ScoreRecord`), of the detector its `name` and `checksum` and when its
            file was changed last, `changed_ns`, and the medians of the milliseconds that it takes for an
            image, `ms_per_image`, and would take without the defence, `undefended_ms_per_image`; empty if it
            could not be loaded.
        evaluation: from `Evaluation.to_json`; None if it failed.
        error: why, in one line.
    """

    subject: dict[str, str]
    scored_at: float
    facts: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Patches scored on several detectors and datasets. Times are Unix seconds.

    Attributes:
        job_id: its job, unless that was deleted or it ran in the foreground.
        state: `running`, `finished` or `interrupted`.
        attempt: number of starts.
        request: everything needed to carry it out again, in JSON's types.
        facts: `patches`: key in the request → `id` (None for a file), `name`, `path`, `sha256` and the
            defence that it was `made_through` (None if that is unknown).
        cells: those that have ended, in any order; empty in lists.
        ended: number of cells that have ended.
        failed: number of those that failed.
    """

    id: int
    job_id: int | None
    label: str
    state: str
    attempt: int
    started_at: float
    finished_at: float | None
    request: dict[str, Any]
    facts: dict[str, Any]
    cells: tuple[MatrixCell, ...] = ()
    ended: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """Number of all cells."""
        return math.prod(len(self.request[name]) for name in _AXES)


class Matrices:
    """The matrices of one database. Methods raise `JobError` for an unknown matrix."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def begin(
        self,
        key: dict[str, Any],
        *,
        label: str,
        request: dict[str, Any],
        facts: dict[str, Any],
        job_id: int | None = None,
        fresh: bool = False,
    ) -> Matrix:
        """Go on with the latest matrix of this key, finished or not, or begin a new one; see `Matrix`.

        Cells that failed are forgotten, to be tried again.

        Args:
            key: what tells matrices apart.
            label, request, facts, job_id: of a new one.
            fresh: begin a new one in any case.
        """
        text = key_text(key)
        with self._db.transaction():
            known = self._db.rows("SELECT id FROM matrices WHERE key = ? ORDER BY id DESC LIMIT 1", [text])
            if known and not fresh:
                matrix_id = known[0][0]
                self._go_on(matrix_id, job_id)
            else:
                matrix_id = self._db.value(
                    "INSERT INTO matrices (job_id, label, state, started_at, request, key, facts) "
                    "VALUES (?, ?, 'running', ?, ?, ?, ?) RETURNING id",
                    [job_id, label, time.time(), json_text(request), text, json_text(facts)],
                )
        return self.get(matrix_id)

    def add_cell(self, matrix: Matrix, cell: MatrixCell) -> None:
        """Store a cell that has ended.

        Raises:
            StorageError: the matrix goes on elsewhere, or was deleted.
        """
        evaluation = None if cell.evaluation is None else json_text(cell.evaluation)
        subject = key_text(cell.subject)
        values = (matrix.id, subject, cell.scored_at, json_text(cell.facts), evaluation, cell.error)
        with self._db.transaction():
            self._claim(matrix)
            self._db.insert(f"matrix_cells (matrix_id, {', '.join(_CELL)})", [values], replace=True)

    def finish(self, matrix: Matrix) -> Matrix:
        """End a matrix, and return it with its cells.

        Raises:
            StorageError: it goes on elsewhere, or was deleted.
        """
        with self._db.transaction():
            self._claim(matrix)
            self._db.rows(
                "UPDATE matrices SET state = 'finished', finished_at = ? WHERE id = ?",
                [time.time(), matrix.id],
            )
        return self.get(matrix.id)

    def interrupt(self, matrix: Matrix) -> None:
        """Mark a matrix as interrupted and resumable, unless it goes on elsewhere."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE matrices SET state = 'interrupted' "
                "WHERE id = ? AND attempt = ? AND state = 'running'",
                [matrix.id, matrix.attempt],
            )

    def get(self, matrix_id: int) -> Matrix:
        """One matrix with its cells."""
        found = self._found("WHERE id = ?", [matrix_id])
        if not found:
            raise JobError(f"matrix {matrix_id}: expected an existing one, found none; see: matrix list")
        cells = self._db.rows(f"SELECT {', '.join(_CELL)} FROM matrix_cells WHERE matrix_id = ?", [matrix_id])
        return _matrix(found[0], cells=tuple(map(_cell, cells)))

    def find(self, *, limit: int = 100) -> list[Matrix]:
        """At most so many matrices, newest first, without their cells."""
        rows = self._found("ORDER BY id DESC LIMIT ?", [limit])
        return [_matrix(row) for row in rows]

    def delete(self, matrix_id: int) -> Matrix:
        """Remove a matrix with its cells, and return it."""
        matrix = self.get(matrix_id)
        with self._db.transaction():
            self._db.rows("DELETE FROM matrices WHERE id = ?", [matrix_id])
        return matrix

    def _go_on(self, matrix_id: int, job_id: int | None) -> None:
        self._db.rows(
            "UPDATE matrices SET state = 'running', attempt = attempt + 1, finished_at = NULL, job_id = ? "
            "WHERE id = ?",
            [job_id, matrix_id],
        )
        self._db.rows("DELETE FROM matrix_cells WHERE matrix_id = ? AND error IS NOT NULL", [matrix_id])

    def _found(self, conditions: str, values: Sequence[Any]) -> list[Any]:
        counts = "(SELECT {} FROM matrix_cells WHERE matrix_id = matrices.id)"
        ended, failed = (counts.format(what) for what in ("count(*)", "count(error)"))
        return self._db.rows(f"SELECT {_COLUMNS_SQL}, {ended}, {failed} FROM matrices {conditions}", values)

    def _claim(self, matrix: Matrix) -> None:
        """Check, within a transaction, that this attempt is still current."""
        if not self._db.rows(
            "SELECT 1 FROM matrices WHERE id = ? AND attempt = ? AND state = 'running'",
            [matrix.id, matrix.attempt],
        ):
            raise StorageError(
                f"matrix {matrix.id}: expected to be the only process that scores it, "
                "but another one resumed or deleted it; run one at a time, or use --fresh"
            )


def _matrix(row: Sequence[Any], **more: Any) -> Matrix:
    fields = dict(zip((*_COLUMNS, "ended", "failed"), row, strict=True))
    json = {name: from_json(fields[name]) for name in ("request", "facts")}
    json["request"] = {"defences": [NONE]} | json["request"]
    return Matrix(**fields | json | more)


def _cell(row: Sequence[Any]) -> MatrixCell:
    fields = dict(zip(_CELL, row, strict=True))
    json = {name: from_json(fields[name]) for name in ("subject", "facts")}
    json["subject"] = {"defence": NONE} | json["subject"]
    evaluation = None if fields["evaluation"] is None else from_json(fields["evaluation"])
    return MatrixCell(**fields | json | {"evaluation": evaluation})
