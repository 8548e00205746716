# SPDX-License-Identifier: AGPL-3.0-only
"""The median of each pixel's neighbourhood (spatial smoothing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.errors import SettingsError
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from engine.defences.defended import Step

_SIDES = (3, 5)  # those that OpenCV computes for floats


@dataclass(frozen=True, kw_only=True)
class Median(Settings):
    """How large a neighbourhood is."""

    size: int = setting(3, "Size", "Side of the neighbourhood, 3 or 5.", unit="px", bounds=(3, 5))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size not in _SIDES:
            raise SettingsError(f"size: expected 3 or 5, got {self.size}")


def _step(settings: Median) -> Step:
    def step(images_nchw: Tensor) -> Tensor:
        found = _medians(images_nchw.detach(), settings.size)
        return _taken(images_nchw, found, settings.size) if images_nchw.requires_grad else found

    return step


def _medians(images_nchw: Tensor, size: int) -> Tensor:
    """The medians; on a processor OpenCV takes a fortieth of torch's time."""
    import cv2
    import numpy as np
    import torch

    if images_nchw.device.type != "cpu" or images_nchw.dtype != torch.float32:
        return torch.stack(list(_windows(_padded(images_nchw, size), size))).median(dim=0).values
    pixels = images_nchw.permute(0, 2, 3, 1).numpy()
    found = np.stack([cv2.medianBlur(np.ascontiguousarray(image), size) for image in pixels])
    return torch.from_numpy(found).permute(0, 3, 1, 2).contiguous()


def _taken(images_nchw: Tensor, medians: Tensor, size: int) -> Tensor:
    """The same medians, taken from the images: each has the gradient of one neighbour that it is."""
    import torch

    padded = _padded(images_nchw, size)
    places = torch.arange(padded[0].numel(), device=padded.device).view(1, *padded.shape[1:])
    chosen = torch.zeros_like(medians, dtype=torch.int64)
    windows = zip(_windows(padded.detach(), size), _windows(places, size), strict=True)
    for neighbours, where in windows:
        chosen = torch.where(neighbours == medians, where, chosen)
    return padded.flatten(1).gather(1, chosen.flatten(1)).view_as(medians)


def _padded(images_nchw: Tensor, size: int) -> Tensor:
    """The images with a border in which their last pixels go on, as OpenCV has it."""
    import torch.nn.functional as F

    return F.pad(images_nchw, [size // 2] * 4, mode="replicate")


def _windows(padded: Tensor, size: int) -> Iterator[Tensor]:
    """For each place in a neighbourhood, the images moved by it."""
    height, width = (side - size + 1 for side in padded.shape[2:])
    for row in range(size):
        for column in range(size):
            yield padded[:, :, row : row + height, column : column + width]


DEFENCES.add(
    DefenceKind(
        name="median",
        help="Replace each pixel with the median of its neighbourhood.",
        source="Xu et al. 2018, section III-B (spatial smoothing)",
        settings=Median,
        apply=changing("median", _step),
    )
)
