# SPDX-License-Identifier: AGPL-3.0-only
"""Certified recall: the share of objects that no single patch of a size can hide from a defended detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engine.boxes import FloatArray
from engine.config import RunConfig
from engine.defences.certificates import Certificates, Certifying
from engine.errors import SettingsError
from engine.evaluation.bootstrap import interval, ratio_samples, resample_counts, total_ratio
from engine.runs.materials import Materials, gather
from engine.settings import require_between

PLACES = ("far", "close", "over", "everywhere")
RESAMPLES = 1000
BATCH = 8


def certify(
    config: RunConfig,
    *,
    patch_share: float = 0.01,
    ioa: float = 0.0,
    trust: bool = False,
    progress: Callable[[int], object] = lambda images: None,
) -> dict[str, Any]:
    """Certify all objects of the classes in a dataset.

    Args:
        config: dataset, weights, defences, classes, device, image size, `max_images` and seed are used.
        patch_share: the square patch's area as a share of the image's, 0 to 1.
        ioa: what share of an object the detection that is left has to exceed, 0 to 1.
        trust: open the weights even if their pickle could run code.
        progress: called with the number of images after each batch.

    Returns:
        What `defence certify --json` prints: the share certified in each of `PLACES`, with intervals.

    Raises:
        SettingsError: the first defence cannot certify, or a share is out of range.
        EngineError: any other failure, in one line.
    """
    require_between("patch area", patch_share, 0, 1)
    require_between("ioa", ioa, 0, 1)
    materials = gather(config, trust=trust)
    if not isinstance(materials.detector, Certifying):
        given = " ".join(config.defences) or "none"
        raise SettingsError(
            f"defences: expected a certifying defence first, such as object-seeker, got {given}; "
            "choose it with --defence"
        )
    sums = _sums(materials, materials.detector, config, patch_share, ioa, progress)
    counts = resample_counts(len(sums), resamples=RESAMPLES, seed=config.seed)
    intervals = {
        place: interval(
            total_ratio(sums[:, index + 1], sums[:, 0]),
            ratio_samples(sums[:, index + 1], sums[:, 0], counts),
        )
        for index, place in enumerate(PLACES)
    }
    return {
        "certified": {place: found.value for place, found in intervals.items()},
        "ci95": {place: [found.low, found.high] for place, found in intervals.items()},
        "images": len(sums),
        "objects": int(sums[:, 0].sum()),
        "dataset": materials.dataset.name,
        "detector": materials.detector.name,
        "defences": list(config.defences),
        "classes": materials.classes.to_json(),
        "image_size": config.image_size,
        "patch_share": patch_share,
        "ioa": ioa,
    }


def _sums(
    materials: Materials,
    detector: Certifying,
    config: RunConfig,
    patch_share: float,
    ioa: float,
    progress: Callable[[int], object],
) -> FloatArray:
    """Objects, and those certified in each of `PLACES`, by image: float64 (n, 5)."""
    rows: list[list[int]] = []
    numbers = range(len(materials.records))
    plan = [list(numbers[at : at + BATCH]) for at in range(0, len(numbers), BATCH)]
    for batch in materials.loader(config.image_size).batches(plan):
        targets = batch.targets.to(torch.device("cpu"))
        found = detector.certify(batch.images_nchw.float() / 255, targets, patch_share=patch_share, ioa=ioa)
        rows += [_row(found, targets.image_index == image) for image in range(targets.images)]
        progress(targets.images)
    return np.array(rows, dtype=np.float64).reshape(-1, 1 + len(PLACES))


def _row(found: Certificates, own: torch.Tensor) -> list[int]:
    return [int(own.sum()), *(int((getattr(found, place) & own).sum()) for place in PLACES)]
