# SPDX-License-Identifier: AGPL-3.0-only
"""Random resizing and padding: each image smaller, at a random place on grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from engine.detectors.base import Detector


@dataclass(frozen=True, kw_only=True)
class ResizePad(Settings):
    """How small images become."""

    smallest: float = setting(
        0.8, "Smallest", "Smallest size to shrink to, as a fraction of the side.", bounds=(0.25, 1)
    )


def _apply(detector: Detector, settings: ResizePad) -> Detector:
    from engine.defences.moved import Moved, on_grey

    return Moved(detector, lambda image_chw: on_grey(image_chw, settings.smallest))


DEFENCES.add(
    DefenceKind(
        name="resize-pad",
        help="Shrink each image by a random factor and place it at a random position on grey.",
        source="Xie et al. 2018",
        settings=ResizePad,
        apply=_apply,
        random=True,
    )
)
