# SPDX-License-Identifier: AGPL-3.0-only
"""How runs differ from one of them that is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.services import run_table
from dashboard.services.run_table import Row
from dashboard.services.storage import cached, opened
from engine.jobs.differences import Difference, difference
from engine.store.runs import ScoredOn

__all__ = ["COMPARED", "Difference", "against"]

COMPARED = ("asr", "confidence_retained", "ap50")


def against(baseline: Row, shown: Sequence[Row]) -> dict[str, dict[str, Difference]]:
    """Line → score → its difference to the baseline, of those scored on the same images in the same way.

    The baseline itself is left out, and so is what was scored on something else.
    """
    found = _to(baseline.id)
    return {row.id: found[row.id] for row in shown if row.id in found}


@cached(ttl_s=60, max_entries=8)
def _to(baseline_id: str) -> dict[str, dict[str, Difference]]:
    """The differences of all lines: a thousand take three seconds, so they outlive a filter."""
    rows = {row.id: row for row in run_table.rows()}
    with opened() as repository:
        known = repository.runs.scored_on()
    baseline = rows.get(baseline_id)
    reference = None if baseline is None else known.get(baseline.patch or 0)
    if baseline is None or reference is None:
        return {}
    found = {}
    for row in rows.values():
        own = known.get(row.patch or 0)
        if own is not None and row.id != baseline.id and own.subject == reference.subject:
            found[row.id] = _differences(row, own, baseline, reference)
    return found


def _differences(row: Row, own: ScoredOn, baseline: Row, reference: ScoredOn) -> dict[str, Difference]:
    sides = _scores(row), own.by_image, _scores(baseline), reference.by_image
    found = {score: difference(score, *sides) for score in COMPARED}
    return {score: each for score, each in found.items() if each is not None}


def _scores(row: Row) -> dict[str, Any]:
    """A line's scores as `Scores.to_json` has them."""
    return {score: row.values.get(score) for score in COMPARED} | {"ci95": row.intervals}
