# SPDX-License-Identifier: AGPL-3.0-only
"""Fewer levels for each colour (feature squeezing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.defences.defended import Step


@dataclass(frozen=True, kw_only=True)
class BitDepth(Settings):
    """How many levels are left."""

    bits: int = setting(4, "Bits", "Bits per colour channel; 8 changes nothing.", bounds=(1, 8))


def _step(settings: BitDepth) -> Step:
    from engine.defences.defended import straight_through

    levels = 2**settings.bits - 1

    def step(images_nchw: Tensor) -> Tensor:
        return straight_through((images_nchw * levels).round() / levels, images_nchw)

    return step


DEFENCES.add(
    DefenceKind(
        name="bit-depth",
        help="Reduce each colour channel to a few levels.",
        source="Xu et al. 2018, section III-A (feature squeezing)",
        settings=BitDepth,
        apply=changing("bit-depth", _step),
    )
)
