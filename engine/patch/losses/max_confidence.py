# SPDX-License-Identifier: AGPL-3.0-only
"""The term `max_confidence`: lowers each image's highest score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Candidates


def max_confidence(candidates: Candidates) -> Tensor:
    """The mean over images of the highest score of the class (Thys et al. 2019, section 3.1).

    An image without candidates counts as 0.
    """
    return at_least_fp32(candidates.logits).amax(dim=1).sigmoid().mean()


LOSSES.add(
    LossTerm(
        name="max_confidence",
        label="Weight: max confidence",
        help="Lowers the image's highest score.",
        needs="scores",
        value=lambda given: max_confidence(given.candidates),
    )
)
