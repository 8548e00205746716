# SPDX-License-Identifier: AGPL-3.0-only
"""Trainings of benchmarks: by the same code as a user's, without a record."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.config import HardeningConfig, TrainingConfig
from engine.records import ImageRecord
from engine.runs.hardening_pool import PatchPool, given_patches
from engine.runs.training import TrainingMaterials, train, trained_detector


def trained(
    config: TrainingConfig, records: Sequence[ImageRecord], class_names: tuple[str, ...], *, trust: bool
) -> tuple[Any, dict[str, Any]]:
    """Train a detector in a folder that is removed afterwards, and load it.

    Args:
        config: the training's settings; nothing is held out. Those of a hardening make it one, without its
            trials, of the first class.
        records: the training images; their class ids are indices of `class_names`.
        class_names: what is learned.
        trust: open the initial weights even if their pickle could run code.

    Returns:
        The frozen detector on the training's device, and the content of `training.json`.

    Raises:
        EngineError: as of `engine.runs.training.train`.
    """
    materials = TrainingMaterials(
        dataset={"name": config.dataset, "source": config.dataset, "synthetic": False},
        class_names=class_names,
        training=records,
        held_out=(),
    )
    pool = None
    if isinstance(config, HardeningConfig):
        pool = PatchPool(config, class_id=0, records=records, given=given_patches(config.patches))
    with tempfile.TemporaryDirectory(prefix="patchbench-") as scratch:
        summary = train(config, Path(scratch) / "training", materials=materials, trust=trust, alteration=pool)
        return trained_detector(summary), summary
