# SPDX-License-Identifier: AGPL-3.0-only
"""Measured costs of steps: a row for each combination of detector, size, batch, precision and device."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.json_text import from_json, json_text, key_text
from engine.store.connection import Connection

_COLUMNS = (
    *("measured_at", "runs", "spread", "images_per_s", "evaluated_per_s", "overhead_s"),
    "peak_memory_bytes",
)


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """Measured costs of a run's steps.

    Attributes:
        measured_at: Unix seconds.
        runs: finished runs that refined the costs; 0 for a few measured steps alone.
        spread: relative error of estimates: the longer of estimated and true time over the shorter, minus 1.
        images_per_s: image-iterations per second of the loop.
        evaluated_per_s: images per second of the judge, which sees each image once for each condition.
        overhead_s: time for starting, loading the detector and loading the images.
        peak_memory_bytes: of the device; on a CPU of the process.
    """

    measured_at: float
    runs: int
    spread: float
    images_per_s: float
    evaluated_per_s: float
    overhead_s: float
    peak_memory_bytes: int


class Costs:
    """The measured costs of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, key: dict[str, Any]) -> StepCost | None:
        """The costs measured with exactly these settings, if any."""
        rows = self._db.rows(f"SELECT {', '.join(_COLUMNS)} FROM step_costs WHERE key = ?", [key_text(key)])
        return _cost(rows[0]) if rows else None

    def latest(self, parts: dict[str, Any]) -> tuple[dict[str, Any], StepCost] | None:
        """The key and the costs that were measured last of the keys that hold these parts, if any."""
        # As `->>` gives it, what is absent is null, and a list is its text.
        alike = " AND ".join(["key ->> ? IS ? ->> '$'"] * len(parts)) or "TRUE"
        values = [text for name, value in parts.items() for text in (f'$."{name}"', json_text(value))]
        rows = self._db.rows(
            f"SELECT key, {', '.join(_COLUMNS)} FROM step_costs WHERE {alike} "
            "ORDER BY measured_at DESC, key LIMIT 1",
            values,
        )
        return (from_json(rows[0][0]), _cost(rows[0][1:])) if rows else None

    def put(
        self,
        key: dict[str, Any],
        *,
        images_per_s: float,
        evaluated_per_s: float,
        overhead_s: float,
        peak_memory_bytes: int,
        runs: int = 0,
        spread: float = 0.0,
    ) -> StepCost:
        """Store costs, replacing earlier ones with the same key; see `StepCost`."""
        cost = StepCost(
            measured_at=time.time(),
            runs=runs,
            spread=spread,
            images_per_s=images_per_s,
            evaluated_per_s=evaluated_per_s,
            overhead_s=overhead_s,
            peak_memory_bytes=peak_memory_bytes,
        )
        row = (key_text(key), *(getattr(cost, column) for column in _COLUMNS))
        with self._db.transaction():
            self._db.insert(f"step_costs (key, {', '.join(_COLUMNS)})", [row], replace=True)
        return cost


def _cost(row: Sequence[Any]) -> StepCost:
    return StepCost(**dict(zip(_COLUMNS, row, strict=True)))
