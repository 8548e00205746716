# SPDX-License-Identifier: AGPL-3.0-only
"""Settings: frozen, keyword-only dataclasses that reject what cannot work, and where things are kept."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SettingsError

__all__ = ["AugmentationConfig", "PlacementConfig", "home_folder"]


def home_folder() -> Path:
    """The folder of the database and the results: `PATCHBENCH_HOME`, by default `./data`. Not created."""
    return Path(os.environ.get("PATCHBENCH_HOME") or "data").expanduser().resolve()


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingsError` unless low ≤ value ≤ high (NaN never is)."""
    if not low <= value <= high:
        raise SettingsError(f"{name}: expected {low:g} to {high:g}, got {value:g}")


def require_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise `SettingsError` unless the value is one of those allowed."""
    if value not in allowed:
        raise SettingsError(f"{name}: expected one of {', '.join(sorted(allowed))}, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class PlacementConfig:
    """Where a patch is put and how large it is drawn.

    Attributes:
        kind: `object` (on each object), `random` or `fixed` (one on each image).
        scale: for `object` the patch's side over the box's diagonal, otherwise over the image's shorter side.
        rise: `object` only: how far the centre is raised above the box's, as a share of the box's height.
        position: `fixed` only: (x, y) of the patch within the free space, 0 (left, top) to 1 (right, bottom).
    """

    kind: str = "object"
    scale: float = 0.2
    rise: float = 0.1
    position: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self) -> None:
        require_choice("placement", self.kind, ("object", "random", "fixed"))
        require_between("placement scale", self.scale, 0.01, 1)
        require_between("placement rise", self.rise, -1, 1)
        for coordinate in self.position:
            require_between("placement position", coordinate, 0, 1)


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Chance in each step (expectation over transformation, Athalye et al. 2018): each is the largest amount.

    Attributes:
        shift: of the centre, as a share of the patch's side.
        resize: of the side: between 1 / (1 + resize) and 1 + resize times.
        rotation_deg: in degrees, either way.
        contrast: of the patch's colours: times 1 - contrast to 1 + contrast.
        brightness: added to the patch's colours, either way.
    """

    shift: float = 0.1
    resize: float = 0.1
    rotation_deg: float = 5.0
    contrast: float = 0.1
    brightness: float = 0.05

    def __post_init__(self) -> None:
        require_between("augmentation shift", self.shift, 0, 1)
        require_between("augmentation resize", self.resize, 0, 1)
        require_between("augmentation rotation", self.rotation_deg, 0, 180)
        require_between("augmentation contrast", self.contrast, 0, 0.9)
        require_between("augmentation brightness", self.brightness, 0, 0.5)

    @classmethod
    def none(cls) -> AugmentationConfig:
        """No chance at all, as at evaluation."""
        return cls(shift=0, resize=0, rotation_deg=0, contrast=0, brightness=0)
