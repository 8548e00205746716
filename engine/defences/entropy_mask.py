# SPDX-License-Identifier: AGPL-3.0-only
"""Regions of high entropy, as patches have it, are painted over."""

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

_LEVELS = 8  # of grey, among which the entropy is taken
_SHARPNESS = 40.0  # of the mask's edge: soft, so that an attack has a gradient to follow


@dataclass(frozen=True, kw_only=True)
class EntropyMask(Settings):
    """Which regions are painted over."""

    threshold: float = setting(
        0.85, "Threshold", "Fraction of the maximum entropy above which a region is masked.", bounds=(0, 1)
    )
    window: int = setting(
        16, "Window", "Side of the square windows.", unit="px", bounds=(8, 128), multiple_of=4
    )


def _step(settings: EntropyMask) -> Step:
    import torch.nn.functional as F

    def step(images_nchw: Tensor) -> Tensor:
        above = _entropy(images_nchw, settings.window) - settings.threshold
        mask = F.interpolate(
            (_SHARPNESS * above).sigmoid(), size=images_nchw.shape[2:], mode="bilinear", align_corners=False
        )
        plain = images_nchw.mean(dim=(2, 3), keepdim=True)
        return images_nchw + mask * (plain - images_nchw)

    return step


def _entropy(images_nchw: Tensor, window: int) -> Tensor:
    """The entropy of grey in windows that overlap by half, as a share of the highest, (n, 1, rows, columns).

    Each pixel counts for the two levels that it lies between, which makes the histogram differentiable.
    """
    import torch
    import torch.nn.functional as F

    grey = images_nchw.mean(dim=1, keepdim=True) * (_LEVELS - 1)
    levels = torch.arange(_LEVELS, device=grey.device, dtype=grey.dtype).view(1, -1, 1, 1)
    near = (1 - (grey - levels).abs()).clamp(min=0)
    shares = F.avg_pool2d(
        near, window, window // 2, padding=window // 4, ceil_mode=True, count_include_pad=False
    )
    return -torch.xlogy(shares, shares.clamp(min=1e-9)).sum(dim=1, keepdim=True) / math.log(_LEVELS)


DEFENCES.add(
    DefenceKind(
        name="entropy-mask",
        help="Mask regions of high entropy with the image's mean colour.",
        source="after Tarchoun et al. 2023 (Jedi), without its autoencoder",
        settings=EntropyMask,
        apply=changing("entropy-mask", _step),
    )
)
