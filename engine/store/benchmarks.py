# SPDX-License-Identifier: AGPL-3.0-only
"""Runs of benchmark suites, stored part by part to make interrupted runs resumable."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import JobError, StorageError
from engine.json_text import from_json, json_text, key_text
from engine.measurements import BenchmarkRun, Comparison, Measurement
from engine.store.connection import Connection

_COLUMNS = (
    *("id", "job_id", "suite", "scale", "state", "attempt", "device", "machine", "detector", "dataset"),
    *("code_version", "started_at", "finished_at", "answer", "settings", "facts", "left_out"),
)
_MEASURED = ("side", "value", "low", "high", "metric", "facts", "samples")
_COLUMNS_SQL = ", ".join(_COLUMNS)
_FILTERS = ("suite", "scale", "device", "detector", "dataset", "machine", "code_version", "job_id")


@dataclass(frozen=True, kw_only=True)
class BenchmarkKey:
    """The conditions of a run, which can be resumed under the same key. See `BenchmarkRun` for the fields."""

    suite: str
    scale: str
    device: str
    machine: str
    detector: str
    dataset: str
    code_version: str
    settings: dict[str, Any]

    def columns(self) -> dict[str, Any]:
        """Column → value of the table."""
        return {**vars(self), "settings": key_text(self.settings)}


class Benchmarks:
    """The benchmark runs of one database. Methods raise `JobError` for an unknown run."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def begin(
        self, key: BenchmarkKey, *, facts: dict[str, Any], job_id: int | None = None, fresh: bool = False
    ) -> BenchmarkRun:
        """Resume the latest unfinished run with this key, or begin a new one.

        Args:
            key: the run's conditions.
            facts: see `BenchmarkRun`.
            job_id: the job that the run belongs to.
            fresh: begin a new run in any case.
        """
        with self._db.transaction():
            rows = [] if fresh else self._with(key, "!=")
            if rows:
                run_id = rows[0][0]
                self._db.rows(
                    "UPDATE benchmarks SET state = 'running', attempt = attempt + 1, job_id = ? WHERE id = ?",
                    [job_id, run_id],
                )
            else:
                values = key.columns() | {"state": "running", "facts": key_text(facts)}
                values |= {"job_id": job_id, "started_at": time.time()}
                names, places = ", ".join(values), ", ".join("?" * len(values))
                run_id = self._db.value(
                    f"INSERT INTO benchmarks ({names}) VALUES ({places}) RETURNING id", values.values()
                )
        return self.get(run_id)

    def finished(self, key: BenchmarkKey) -> BenchmarkRun | None:
        """The latest finished run with this key, with its measurements."""
        rows = self._with(key, "=")
        return self.get(rows[0][0]) if rows else None

    def add_part(self, run: BenchmarkRun, part: str, rows: Iterable[Measurement | Comparison]) -> None:
        """Store all rows of a part in one transaction.

        Raises:
            StorageError: the run was resumed elsewhere or deleted.
        """
        tables = {Measurement: ("measurements", _MEASURED), Comparison: ("comparisons", ("comparison",))}
        with self._db.transaction():
            self._claim(run)
            for position, row in enumerate(rows, start=self._next_position(run.id)):
                table, columns = tables[type(row)]
                values = (run.id, position, part, *_values(row))
                self._db.insert(f"{table} (benchmark_id, position, part, {', '.join(columns)})", [values])

    def _next_position(self, run_id: int) -> int:
        return int(
            self._db.value(
                "SELECT coalesce(max(position), -1) + 1 FROM (SELECT position FROM measurements "
                "WHERE benchmark_id = ?1 UNION ALL SELECT position FROM comparisons WHERE benchmark_id = ?1)",
                [run_id],
            )
        )

    def done_parts(self, run_id: int) -> list[str]:
        """The parts of a run that have measurements, in order."""
        rows = self._db.rows(
            "SELECT part FROM measurements WHERE benchmark_id = ? GROUP BY part ORDER BY min(position)",
            [run_id],
        )
        return [part for (part,) in rows]

    def finish(self, run: BenchmarkRun, answer: str, left_out: Sequence[str] = ()) -> BenchmarkRun:
        """End a run with its answer, and return it with its measurements.

        Raises:
            StorageError: the run was resumed elsewhere or deleted.
        """
        with self._db.transaction():
            self._claim(run)
            self._db.rows(
                "UPDATE benchmarks SET state = 'finished', finished_at = ?, answer = ?, left_out = ? "
                "WHERE id = ?",
                [time.time(), answer, json_text(left_out), run.id],
            )
        return self.get(run.id)

    def interrupt(self, run: BenchmarkRun) -> None:
        """Mark a run as interrupted and resumable, unless it was resumed elsewhere."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE benchmarks SET state = 'interrupted' "
                "WHERE id = ? AND attempt = ? AND state = 'running'",
                [run.id, run.attempt],
            )

    def get(self, run_id: int) -> BenchmarkRun:
        """One run with its measurements and comparisons."""
        rows = self._db.rows(f"SELECT {_COLUMNS_SQL} FROM benchmarks WHERE id = ?", [run_id])
        measured = self._db.rows(
            f"SELECT {', '.join(_MEASURED)} FROM measurements WHERE benchmark_id = ? ORDER BY position",
            [run_id],
        )
        compared = self._db.rows(
            "SELECT comparison FROM comparisons WHERE benchmark_id = ? ORDER BY position", [run_id]
        )
        if not rows:
            raise JobError(
                f"benchmark {run_id}: expected an existing one, found none; see: benchmark history"
            )
        comparisons = tuple(Comparison.from_json(from_json(text)) for (text,) in compared)
        return _run(rows[0], measurements=tuple(map(_measurement, measured)), comparisons=comparisons)

    def find(
        self,
        *,
        states: Sequence[str] = (),
        since: float | None = None,
        until: float | None = None,
        limit: int = 100,
        offset: int = 0,
        **same: object,
    ) -> list[BenchmarkRun]:
        """A page of runs, newest first, without their measurements.

        Args:
            states: allowed states; empty for all.
            since, until: range of the start in Unix seconds.
            limit, offset: of the page.
            same: suite, scale, device, detector, dataset, machine, code_version, job_id; None for any.
        """
        if wrong := set(same) - set(_FILTERS):
            raise ValueError(f"expected some of {sorted(_FILTERS)}, got {sorted(wrong)}")
        filters = {name: value for name, value in same.items() if value is not None}
        clauses = [f"{name} = ?" for name in filters]
        values: list[object] = [*filters.values()]
        for clause, bound in (("started_at >= ?", since), ("started_at <= ?", until)):
            if bound is not None:
                clauses.append(clause)
                values.append(bound)
        if states:
            clauses.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        rows = self._db.rows(
            f"SELECT {_COLUMNS_SQL} FROM benchmarks {where} ORDER BY id DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [_run(row) for row in rows]

    def delete(self, run_id: int) -> None:
        """Remove a run and its measurements."""
        self.get(run_id)
        with self._db.transaction():
            self._db.rows("DELETE FROM benchmarks WHERE id = ?", [run_id])

    def _with(self, key: BenchmarkKey, finished: str) -> list[Any]:
        """Ids of the key's runs that are finished (`=`) or unfinished (`!=`), newest first."""
        columns = key.columns()
        clauses = " AND ".join(f"{name} = ?" for name in columns)
        return self._db.rows(
            f"SELECT id FROM benchmarks WHERE {clauses} AND state {finished} 'finished' ORDER BY id DESC",
            columns.values(),
        )

    def _claim(self, run: BenchmarkRun) -> None:
        """Check, within a transaction, that this attempt is still current."""
        if not self._db.rows(
            "SELECT 1 FROM benchmarks WHERE id = ? AND attempt = ? AND state = 'running'",
            [run.id, run.attempt],
        ):
            raise StorageError(
                f"benchmark {run.id}: expected to be the only process that runs it, "
                "but another one resumed or deleted it; run one at a time, or use --fresh"
            )


def _values(row: Measurement | Comparison) -> tuple[object, ...]:
    if isinstance(row, Comparison):
        return (json_text(row.to_json()),)
    figure = row.figure.to_json()
    return (json_text(row.side), *figure, row.metric, key_text(row.facts), json_text(row.samples))


def _measurement(row: tuple[Any, ...]) -> Measurement:
    fields = dict(zip(_MEASURED, row, strict=True))
    return Measurement.from_json(
        fields | {name: from_json(fields[name]) for name in ("side", "facts", "samples")}
    )


def _run(row: tuple[Any, ...], **measured: Any) -> BenchmarkRun:
    fields = dict(zip(_COLUMNS, row, strict=True))
    for name in ("settings", "facts", "left_out"):
        fields[name] = from_json(fields[name])
    fields["left_out"] = tuple(fields["left_out"])
    return BenchmarkRun(**fields, **measured)
