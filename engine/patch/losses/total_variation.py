# SPDX-License-Identifier: AGPL-3.0-only
"""The term `tv`: smooths the patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor


def total_variation(patch_chw: Tensor) -> Tensor:
    """The mean absolute difference of neighbouring texels (Sharif et al. 2016, section 4.3, as L1)."""
    patch = at_least_fp32(patch_chw)
    return (patch[:, 1:] - patch[:, :-1]).abs().mean() + (patch[:, :, 1:] - patch[:, :, :-1]).abs().mean()


LOSSES.add(
    LossTerm(
        name="tv",
        label="Weight: total variation",
        help="Makes the patch smoother.",
        needs="patch",
        value=lambda given: total_variation(given.patch_chw),
    )
)
