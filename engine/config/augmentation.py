# SPDX-License-Identifier: AGPL-3.0-only
"""How much chance a step adds to how the patch is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from engine.settings import Settings, setting

recipe = partial(setting, role="recipe", group="placement")


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig(Settings):
    """The most that chance changes in a step (expectation over transformation, Athalye et al. 2018)."""

    TOPIC: ClassVar[str] = "augmentation"

    shift: float = recipe(
        0.1,
        "Augmentation: shift",
        "Random shift, as a fraction of the patch's side.",
        bounds=(0, 1),
        sweep=(0, 0.3),
        option="--shift",
    )
    resize: float = recipe(
        0.1,
        "Augmentation: resize",
        "Random change of the patch's size, as a fraction.",
        bounds=(0, 1),
        sweep=(0, 0.3),
        option="--resize",
    )
    rotation_deg: float = recipe(
        5.0,
        "Augmentation: rotation",
        "Random rotation in either direction, in degrees.",
        unit="°",
        bounds=(0, 180),
        sweep=(0, 20),
        option="--rotation",
    )
    contrast: float = recipe(
        0.1,
        "Augmentation: contrast",
        "Random change of the patch's contrast, as a fraction.",
        bounds=(0, 0.9),
        sweep=(0, 0.3),
        option="--contrast",
    )
    brightness: float = recipe(
        0.05,
        "Augmentation: brightness",
        "Random change of the patch's brightness.",
        bounds=(0, 0.5),
        sweep=(0, 0.2),
        option="--brightness",
    )

    @classmethod
    def none(cls) -> AugmentationConfig:
        """No chance at all, as at evaluation."""
        return cls(shift=0, resize=0, rotation_deg=0, contrast=0, brightness=0)
