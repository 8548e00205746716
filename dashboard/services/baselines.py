# SPDX-License-Identifier: AGPL-3.0-only
"""How runs differ from one of them that is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.services.run_table import Row
from dashboard.services.storage import cached, opened
from engine.jobs.differences import Difference, difference
from engine.store.runs import ScoredOn

__all__ = ["COMPARED", "Difference", "against"]

COMPARED = ("asr", "confidence_retained", "ap50")
_NOTHING = ScoredOn(subject="", by_image={})


def against(baseline: Row, shown: Sequence[Row]) -> dict[str, dict[str, Difference]]:
    """Line → score → its difference to the baseline, of those scored on the same images in the same way.

    The baseline itself is left out, and so is what was scored on something else.
    """
    known = _scored_on()
    reference = known.get(baseline.patch or 0)
    if reference is None:
        return {}
    found = {}
    for row in shown:
        own = known.get(row.patch or 0, _NOTHING)
        if row.id != baseline.id and own.subject == reference.subject:
            found[row.id] = _differences(row, own, baseline, reference)
    return found


def _differences(row: Row, own: ScoredOn, baseline: Row, reference: ScoredOn) -> dict[str, Difference]:
    sides = _scores(row), own.by_image, _scores(baseline), reference.by_image
    found = {score: difference(score, *sides) for score in COMPARED}
    return {score: each for score, each in found.items() if each is not None}


def _scores(row: Row) -> dict[str, Any]:
    """A line's scores as `Scores.to_json` has them."""
    return {score: row.values.get(score) for score in COMPARED} | {"ci95": row.intervals}


@cached(ttl_s=5, max_entries=4)
def _scored_on() -> dict[int, ScoredOn]:
    with opened() as repository:
        return repository.runs.scored_on()
