# SPDX-License-Identifier: AGPL-3.0-only
"""Which images of a dataset a run saw, from its settings and the dataset as it is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.services import datasets, patches
from engine.config import RunConfig
from engine.errors import EngineError, PatchFileError
from engine.runs.selection import taken
from engine.store.datasets import DatasetSummary


def seen(summary: Mapping[str, Any], dataset: DatasetSummary) -> frozenset[int] | None:
    """The places of the images that a patch was made on; None where that is not known.

    Args:
        summary: what `run.json` holds, or a job's `config` with the name of its dataset; empty for a patch
            from elsewhere.
        dataset: as it is imported; one that was imported anew with other images tells nothing of the run.
    """
    made = summary.get("dataset", {})
    if "config" not in summary or "name" not in made:
        return None
    if made["name"] != dataset.name:
        return frozenset()
    try:
        config = RunConfig.from_json(summary["config"])
        ids = datasets.class_ids(dataset, config.class_names)
        counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
        training, held_out = taken(config, counts)
    except EngineError:  # settings of another version, or a dataset that lacks the class
        return None
    took = [*training, *held_out]
    found = {"images": len(took), "objects": sum(counts[place] for place in took)}
    if any(made.get(name, number) != number for name, number in found.items()):
        return None
    return frozenset(training)


def of_patch(patch_id: int | None, dataset: DatasetSummary) -> frozenset[int] | None:
    """The places of the images that a patch was made on; None also where it is no longer on record."""
    try:
        return None if patch_id is None else seen(patches.get(patch_id).summary, dataset)
    except PatchFileError:
        return None


def unseen_first(places: Sequence[int], known: frozenset[int] | None) -> list[int]:
    """Places of images, those that the run did not see before the others, else in their order."""
    return sorted(places, key=lambda place: place in (known or ()))
