# SPDX-License-Identifier: AGPL-3.0-only
"""The patch before the first step: grey, noise, an image, or an earlier patch (a warm start)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.patch.files import read_patch
from engine.seeding import generator

STREAM = 2  # of the seed, for the noise


def initial_patch(initial: str, height: int, width: int, seed: int) -> Tensor:
    """The initial patch, float32 (3, height, width), 0 to 1.

    Args:
        initial: `grey` (0.5), `noise` (uniform), or the path of a .png, .jpg or .npy, resized (bilinear,
            anti-aliased) if necessary.
        height, width: in texels.
        seed: of the noise.

    Raises:
        PatchFileError: the path is not a usable image or patch.
    """
    if initial == "grey":
        return torch.full((3, height, width), 0.5)
    if initial == "noise":
        return torch.rand((3, height, width), generator=generator(seed, STREAM))
    patch, _ = read_patch(initial)
    if patch.shape[1:] == (height, width):
        return patch
    resized = F.interpolate(patch[None], size=(height, width), mode="bilinear", antialias=True)
    return resized[0].clamp(0, 1)
