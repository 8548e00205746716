# SPDX-License-Identifier: AGPL-3.0-only
"""Where a patch is put and how large it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from engine.settings import Settings, setting

subject = partial(setting, role="subject", group="placement")


@dataclass(frozen=True, kw_only=True)
class PlacementConfig(Settings):
    """Where a patch is put and how large it is drawn."""

    TOPIC: ClassVar[str] = "placement"

    kind: str = subject(
        "object",
        "Placement",
        "On each object, or one on each image: anywhere, or at a fixed position.",
        choices=("object", "random", "fixed"),
        option="--placement",
        called="placement",
    )
    scale: float = subject(
        0.2,
        "Placement: scale",
        "Patch side over the box's diagonal, or over the image's shorter side.",
        bounds=(0.01, 1),
        sweep=(0.1, 0.4),
    )
    rise: float = subject(
        0.1,
        "Placement: rise",
        "How far the patch's centre lies above the box's, as a share of the box's height.",
        bounds=(-1, 1),
        needs=("placement.kind", ("object",)),
    )
    position: tuple[float, float] = subject(
        (0.5, 0.5),
        "Placement: position",
        "Left to right and top to bottom within the free space, 0 to 1 each.",
        bounds=(0, 1),
        parts=(
            ("Position, left to right", "0 is the left edge, 1 the right."),
            ("Position, top to bottom", "0 is the top, 1 the bottom."),
        ),
        needs=("placement.kind", ("fixed",)),
    )
