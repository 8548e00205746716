# SPDX-License-Identifier: AGPL-3.0-only
"""What a training starts from: weights, or the layout that a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config import TrainingConfig
from engine.detectors.families import DetectorFamily, layout_named
from engine.detectors.loading import find_weights
from engine.errors import DetectorError, SettingsError
from engine.outpost import here


@dataclass(frozen=True, kw_only=True)
class TrainingStart:
    """What a training starts from.

    Attributes:
        path: the weight file; for a layout without one, its name.
        family: of the detector; it has a trainer.
        architecture: a layout to train from random weights, for which no file is read; empty for a file.
    """

    path: Path
    family: DetectorFamily
    architecture: str = ""


def training_start(config: TrainingConfig) -> TrainingStart:
    """Find what a training starts from; published weights are downloaded unless only their layout is wanted.

    Raises:
        SettingsError: the weights are the name of a layout, and the strategy needs weights.
        DetectorError: there are no such weights, or PatchBench cannot train detectors of their family.
    """
    layout = None if here(Path(config.weights).expanduser()).exists() else layout_named(config.weights)
    if layout is not None and config.strategy == "scratch":
        family, architecture = layout
        return TrainingStart(
            path=Path(config.weights), family=_trainable(family, config.weights), architecture=architecture
        )
    if layout is not None and config.weights not in layout[0].offered:
        raise SettingsError(
            f"strategy: expected scratch, as {config.weights} is a layout without weights, "
            f"got {config.strategy}; set --strategy scratch or name a weight file"
        )
    path, family = find_weights(config.weights)
    return TrainingStart(path=path, family=_trainable(family, path))


def _trainable(family: DetectorFamily, weights: str | Path) -> DetectorFamily:
    if family.trainer is None:
        raise DetectorError(
            f"weights {weights}: expected a detector that PatchBench can train, "
            f"got one of the family {family.name}, which it can only attack; use other weights"
        )
    return family
