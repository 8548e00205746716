# SPDX-License-Identifier: AGPL-3.0-only
"""What runs scored on the images held out while they were under way."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.json_text import from_json, json_text
from engine.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Validation:
    """One validation of a run; `at` in Unix seconds.

    Attributes:
        job_id: the run's.
        iteration: after which.
        scores: `asr`, `confidence_retained` and `ap50`, 0 to 1, the mean over the run's detectors.
        ci95: the bounds of their 95% intervals, as far as they are known.
    """

    job_id: int
    iteration: int
    at: float
    scores: dict[str, float]
    ci95: dict[str, tuple[float, float]] = field(default_factory=dict)


class Validations:
    """The validations of one database's runs."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(
        self,
        job_id: int,
        iteration: int,
        scores: Mapping[str, float],
        ci95: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """Store a validation, unless it is known: a resumed run repeats its own, to the bit."""
        with self._db.transaction():
            self._db.rows(
                "INSERT OR IGNORE INTO validations (job_id, iteration, at, scores) VALUES (?, ?, ?, ?)",
                [job_id, iteration, time.time(), json_text({**scores, **({"ci95": ci95} if ci95 else {})})],
            )

    def of(self, job_ids: Iterable[int]) -> list[Validation]:
        """Those of some jobs, in the order in which they were stored."""
        wanted = list(job_ids)
        rows = self._db.rows(
            "SELECT job_id, iteration, at, scores FROM validations "
            f"WHERE job_id IN ({', '.join('?' * len(wanted))}) ORDER BY at, job_id, iteration",
            wanted,
        )
        return [_validation(*row) for row in rows]


def _validation(job_id: int, iteration: int, at: float, text: str) -> Validation:
    scores = from_json(text)
    ci95 = {name: (low, high) for name, (low, high) in scores.pop("ci95", {}).items()}
    return Validation(job_id=job_id, iteration=iteration, at=at, scores=scores, ci95=ci95)
