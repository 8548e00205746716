# SPDX-License-Identifier: AGPL-3.0-only
"""What runs scored on the images held out while they were under way."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.json_text import from_json, json_text
from engine.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One validation of a run; `at` in Unix seconds.

    Attributes:
        job_id: the run's.
        iteration: after which.
        scores: `asr`, `confidence_retained` and `ap50`, 0 to 1, the mean over the run's detectors.
    """

    job_id: int
    iteration: int
    at: float
    scores: dict[str, float]


class Validations:
    """The validations of one database's runs."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, job_id: int, iteration: int, scores: Mapping[str, float]) -> None:
        """Store a validation, unless it is known: a resumed run repeats its own, to the bit."""
        with self._db.transaction():
            self._db.rows(
                "INSERT OR IGNORE INTO validations (job_id, iteration, at, scores) VALUES (?, ?, ?, ?)",
                [job_id, iteration, time.time(), json_text(dict(scores))],
            )

    def of(self, job_ids: Iterable[int]) -> list[Validation]:
        """Those of some jobs, in the order in which they were stored."""
        wanted = list(job_ids)
        with self._db.errors():
            rows = self._db.rows(
                "SELECT job_id, iteration, at, scores FROM validations "
                f"WHERE job_id IN ({', '.join('?' * len(wanted))}) ORDER BY at, job_id, iteration",
                wanted,
            )
        return [
            Validation(job_id=job_id, iteration=iteration, at=at, scores=from_json(scores))
            for job_id, iteration, at, scores in rows
        ]
