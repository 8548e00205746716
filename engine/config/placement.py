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
        "One patch on each object (object), or one per image: anywhere (random) or at a fixed "
        "position (fixed).",
        choices=("object", "random", "fixed"),
        option="--placement",
        called="placement",
    )
    scale: float = subject(
        0.2,
        "Placement: scale",
        "Side of the patch relative to the box's diagonal, or to the image's shorter side.",
        bounds=(0.01, 1),
        sweep=(0.1, 0.4),
    )
    rise: float = subject(
        0.1,
        "Placement: vertical offset",
        "Distance of the patch's centre above the box's centre, as a fraction of the box's height.",
        bounds=(-1, 1),
        needs=("placement.kind", ("object",)),
    )
    position: tuple[float, float] = subject(
        (0.5, 0.5),
        "Placement: position",
        "Horizontal and vertical position within the free space, 0 to 1 each.",
        bounds=(0, 1),
        parts=(
            ("Horizontal position", "0 is the left edge, 1 the right."),
            ("Vertical position", "0 is the top, 1 the bottom."),
        ),
        needs=("placement.kind", ("fixed",)),
    )
