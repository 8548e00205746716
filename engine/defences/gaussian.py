# SPDX-License-Identifier: AGPL-3.0-only
"""A Gaussian blur."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.defences.defended import Step

_REACH = 3  # in standard deviations; beyond it lie 0.3% of the weight


@dataclass(frozen=True, kw_only=True)
class Gaussian(Settings):
    """How wide the blur is."""

    sigma: float = setting(1.0, "Sigma", "Standard deviation of the blur.", unit="px", bounds=(0.1, 10))


def _step(settings: Gaussian) -> Step:
    import torch
    import torch.nn.functional as F

    reach = math.ceil(_REACH * settings.sigma)
    distances = torch.arange(-reach, reach + 1, dtype=torch.float64)
    weights = torch.exp(-distances.square() / (2 * settings.sigma**2))
    weights /= weights.sum()

    def step(images_nchw: Tensor) -> Tensor:
        kernel = weights.to(images_nchw).expand(3, 1, -1)
        padded = F.pad(images_nchw, [reach] * 4, mode="replicate")
        rows = F.conv2d(padded, kernel[:, :, None, :], groups=3)
        return F.conv2d(rows, kernel[:, :, :, None], groups=3).clamp(0, 1)

    return step


DEFENCES.add(
    DefenceKind(
        name="gaussian",
        help="Blur with a Gaussian.",
        source="Xu et al. 2018, section III-B (spatial smoothing)",
        settings=Gaussian,
        apply=changing("gaussian", _step),
    )
)
