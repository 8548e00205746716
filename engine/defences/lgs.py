# SPDX-License-Identifier: AGPL-3.0-only
"""Local gradients smoothing: regions with much gradient are darkened where it is strong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.errors import SettingsError
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.defences.defended import Step


@dataclass(frozen=True, kw_only=True)
class Lgs(Settings):
    """The paper's settings, with its values."""

    smoothing: float = setting(2.3, "Smoothing", "Factor applied to the gradients.", bounds=(0, 20))
    threshold: float = setting(
        0.1, "Threshold", "Mean gradient above which a window is smoothed.", bounds=(0, 1)
    )
    window: int = setting(15, "Window", "Side of the square windows.", unit="px", bounds=(2, 128))
    overlap: int = setting(5, "Overlap", "Overlap of adjacent windows.", unit="px", bounds=(0, 127))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.overlap >= self.window:
            raise SettingsError(
                f"overlap: expected less than the window size of {self.window}, got {self.overlap}"
            )


def _step(settings: Lgs) -> Step:
    def step(images_nchw: Tensor) -> Tensor:
        gradients = _normalised(_gradients(images_nchw))
        noisy = _noisy(gradients.detach(), settings)
        return images_nchw * (1 - (settings.smoothing * gradients * noisy).clamp(0, 1))

    return step


def _gradients(images_nchw: Tensor) -> Tensor:
    """The magnitude of the first-order gradients of the images in grey, float (n, 1, h, w)."""
    import torch.nn.functional as F

    grey = images_nchw.mean(dim=1, keepdim=True)
    right, below = F.pad(grey.diff(dim=3), (0, 1)), F.pad(grey.diff(dim=2), (0, 0, 0, 1))
    return (right.square() + below.square() + 1e-12).sqrt()


def _normalised(values: Tensor) -> Tensor:
    """Each image's values from 0 to 1."""
    low, high = values.amin(dim=(1, 2, 3), keepdim=True), values.amax(dim=(1, 2, 3), keepdim=True)
    return (values - low) / (high - low).clamp(min=1e-6)


def _noisy(gradients: Tensor, settings: Lgs) -> Tensor:
    """Which pixels lie in a window whose mean is above the threshold, as 0 or 1."""
    import torch.nn.functional as F

    height, width = gradients.shape[2:]
    side, stride = settings.window, settings.window - settings.overlap
    # Windows that begin inside the image and end outside count what of them is inside.
    extra = (0, _missing(width, side, stride), 0, _missing(height, side, stride))
    sums = F.avg_pool2d(F.pad(gradients, extra), side, stride)
    inside = F.avg_pool2d(F.pad(gradients.new_ones(1, 1, height, width), extra), side, stride)
    above = sums > settings.threshold * inside
    ones = gradients.new_ones(1, 1, side, side)
    covered = F.conv_transpose2d(above.to(gradients.dtype), ones, stride=stride)
    return (covered[..., :height, :width] > 0).to(gradients.dtype)


def _missing(length: int, side: int, stride: int) -> int:
    """Pixels that the last window lacks at the end."""
    return max(side - length, -(length - side) % stride)


DEFENCES.add(
    DefenceKind(
        name="lgs",
        help="Darken dense strong gradients, which are typical of patches.",
        source="Naseer et al. 2019 (local gradients smoothing)",
        settings=Lgs,
        apply=changing("lgs", _step),
    )
)
