# SPDX-License-Identifier: AGPL-3.0-only
"""The steps of runs: all are stored, but no more are read than a chart can show."""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.json_text import from_json, json_text
from engine.records import StepRecord
from engine.store.connection import Connection

# Reads every n-th step by its key: a chart of a million steps takes a thousand look-ups.
_THINNED = """
    WITH RECURSIVE wanted(step) AS (
        SELECT ?2 UNION ALL SELECT step + ?3 FROM wanted WHERE step + ?3 <= ?4
    )
    SELECT steps.step, iteration, loss, terms, learning_rate, images, elapsed_s
    FROM wanted JOIN steps ON steps.job_id = ?1 AND steps.step = wanted.step
"""
_COLUMNS = "steps (job_id, step, iteration, loss, terms, learning_rate, images, elapsed_s)"


class Steps:
    """The steps of one database's runs."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, job_id: int, steps: Iterable[StepRecord]) -> None:
        """Store steps, replacing stored ones with the same number, which a resumed run repeats."""
        with self._db.transaction():
            self.write(job_id, steps)

    def write(self, job_id: int, steps: Iterable[StepRecord], *, forget_after: int | None = None) -> None:
        """Like `add`, within a transaction, after deleting the stored steps after `forget_after`."""
        if forget_after is not None:
            self._db.rows("DELETE FROM steps WHERE job_id = ? AND step > ?", [job_id, forget_after])
        self._db.insert(_COLUMNS, (_row(job_id, step) for step in steps), replace=True)

    def last(self, job_id: int) -> int:
        """The number of the last stored step; 0 if there is none."""
        return int(self._db.value("SELECT coalesce(max(step), 0) FROM steps WHERE job_id = ?", [job_id]))

    def read(self, job_id: int, *, at_most: int = 1000) -> list[StepRecord]:
        """About `at_most` evenly spaced steps of a run in order, including the first and the last."""
        # Two queries: for both in one SELECT, SQLite would scan all steps.
        first, last = (
            self._db.value(f"SELECT {extreme}(step) FROM steps WHERE job_id = ?", [job_id])
            for extreme in ("min", "max")
        )
        if first is None:
            return []
        stride = max(-(-(last - first) // max(at_most - 1, 1)), 1)
        rows = self._db.rows(_THINNED, [job_id, first, stride, last])
        if rows[-1][0] != last:
            rows += self._db.rows(_THINNED, [job_id, last, 1, last])
        return [
            StepRecord(
                step=step,
                iteration=iteration,
                loss=loss,
                terms={
                    name: math.nan if value is None else value for name, value in from_json(terms).items()
                },
                learning_rate=rate,
                images=images,
                elapsed_s=elapsed_s,
            )
            for step, iteration, loss, terms, rate, images, elapsed_s in rows
        ]


def _row(job_id: int, step: StepRecord) -> tuple[object, ...]:
    return (
        job_id,
        step.step,
        step.iteration,
        step.loss,
        json_text(step.terms),
        step.learning_rate,
        step.images,
        step.elapsed_s,
    )
