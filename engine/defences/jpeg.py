# SPDX-License-Identifier: AGPL-3.0-only
"""JPEG: written to memory by Pillow's encoder and read again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.defences.defended import Step


@dataclass(frozen=True, kw_only=True)
class Jpeg(Settings):
    """How much is left of the image."""

    quality: int = setting(75, "Quality", "Encoder quality; lower values lose more detail.", bounds=(1, 100))


def _step(settings: Jpeg) -> Step:
    from engine.defences.defended import straight_through

    def step(images_nchw: Tensor) -> Tensor:
        return straight_through(_through_jpeg(images_nchw.detach(), settings.quality), images_nchw)

    return step


def _through_jpeg(images_nchw: Tensor, quality: int) -> Tensor:
    """The images after JPEG with Pillow's defaults, which halve the resolution of colours."""
    import numpy as np
    import torch
    from PIL import Image

    pixels = (images_nchw.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    found = np.empty(pixels.shape, dtype=np.uint8)
    for image, read in zip(np.ascontiguousarray(pixels), found, strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="JPEG", quality=quality)
        read[:] = Image.open(file)
    back = torch.from_numpy(found).to(images_nchw.device).permute(0, 3, 1, 2).contiguous()
    return back.to(images_nchw.dtype) / 255


DEFENCES.add(
    DefenceKind(
        name="jpeg",
        help="Compress the image as JPEG.",
        source="Dziugaite et al. 2016; Das et al. 2017",
        settings=Jpeg,
        apply=changing("jpeg", _step),
    )
)
