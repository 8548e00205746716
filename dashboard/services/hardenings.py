# SPDX-License-Identifier: AGPL-3.0-only
"""What a hardening may begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dashboard.services import datasets, detectors, outcomes
from dashboard.services.storage import cached, opened
from engine.errors import EngineError
from engine.records import PatchRecord

PATCHES = 100  # offered for the pool


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A detector that a patch is strong against, and that can be hardened: what a hardening begins with."""

    dataset: str
    weights: str
    class_name: str
    patch: int


@cached(ttl_s=5)
def exposed(patch: PatchRecord) -> Exposed | None:
    """What a patch's score calls to be hardened.

    Returns:
        None unless the patch is stronger than a grey one on a detector that nothing stands in front of and
        that can be trained, on one class of a dataset that is still there.
    """
    score = patch.score
    if score is None or score.defences or outcomes.verdict(score.evaluation) != "stronger":
        return None
    dataset = next((each for each in datasets.summaries() if each.name == score.dataset), None)
    weights = _weights(patch, score.detector)
    if dataset is None or score.class_name not in dataset.class_names or weights is None:
        return None
    return Exposed(dataset=dataset.name, weights=weights, class_name=score.class_name, patch=patch.id)


def _weights(patch: PatchRecord, detector: str) -> str | None:
    """The weights that a score's detector was opened from, if pages may use them for a training."""
    made = patch.summary.get("config", {}).get("weights", "")
    for weights in (made, *detectors.detectors()):
        if Path(weights).stem == detector:
            try:
                return weights if detectors.can_be_trained(weights) else None
            except EngineError:  # it is gone, or lies elsewhere now
                continue
    return None


@cached(ttl_s=5)
def patches() -> list[PatchRecord]:
    """The patches that a pool may begin with, the newest first."""
    with opened() as repository:
        return repository.patches.find(limit=PATCHES)
