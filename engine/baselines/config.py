# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of the baselines."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import SettingsError
from engine.settings import require_between, require_choice


@dataclass(frozen=True, kw_only=True)
class ArtConfig:
    """Settings of ART's `AdversarialPatchPyTorch`, with ART's defaults of scale, rotation and learning rate.

    Attributes:
        iterations: passes over the images, at least 1.
        batch_size: 1, or more to batch images with equally many objects.
        patch_size: side of the square patch in texels, 16 to 512.
        learning_rate: Adam's, for colours of 0 to 1; ART's default of 5.0 is for 0 to 255.
        scale_min, scale_max: range of the random size relative to the image's shorter side.
        rotation_max_deg: maximum rotation in either direction, 0 to 180.
        shape: `square`, or `circle`, ART's default, which does not train the corners.
        seed: of ART's placements and its order of images, 0 to 2^32 - 1.
    """

    iterations: int = 50
    batch_size: int = 1
    patch_size: int = 200
    learning_rate: float = 5 / 255
    scale_min: float = 0.1
    scale_max: float = 1.0
    rotation_max_deg: float = 22.5
    shape: str = "square"
    seed: int = 0

    def __post_init__(self) -> None:
        require_between("iterations", self.iterations, 1, 1_000_000)
        require_between("batch size", self.batch_size, 1, 1024)
        require_between("patch size", self.patch_size, 16, 512)
        require_between("learning rate", self.learning_rate, 1e-6, 10)
        require_between("largest scale", self.scale_max, 0.01, 1)
        require_between("rotation", self.rotation_max_deg, 0, 180)
        require_choice("ART's patch shape", self.shape, ("square", "circle"))
        require_between("seed", self.seed, 0, 2**32 - 1)
        if not 0.01 <= self.scale_min < self.scale_max:
            expected = f"0.01 to below the largest ({self.scale_max:g})"
            raise SettingsError(f"smallest scale: expected {expected}, got {self.scale_min:g}")
