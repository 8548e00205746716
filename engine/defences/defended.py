# SPDX-License-Identifier: AGPL-3.0-only
"""A detector behind a defence: the same interface, but it sees images that the defence has changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from engine.detectors.base import Candidates, Detections, Detector, Targets
from engine.errors import SettingsError

Step = Callable[[Tensor], Tensor]
"""Changes images, float (n, 3, h, w), 0 to 1, into images of the same form.

It is differentiable, or passes gradients straight through where it has none (`straight_through`). What it
changes in an image depends on no other image of the batch, and chance is a function of the image
(`chance_of`), so that runs resume to the bit and batches can be split. Several threads call it at once. It
never computes in less than fp32, whatever autocast does to the detector.
"""


class Behind:
    """What a detector behind any defence is to others: the detector itself, but for what it sees.

    Args:
        detector: frozen.

    Attributes:
        detector: the one behind the defence.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.name = detector.name
        self.family = detector.family
        self.end_to_end = detector.end_to_end
        self.class_names = detector.class_names
        self.loss_names = detector.loss_names
        self.stride_px = detector.stride_px
        self.device = detector.device

    def for_windows(self, image_px: int) -> Self | None:
        """The same defence before that detector for windows of images; None if it only sees whole images."""
        detector = self.detector.for_windows(image_px)
        if detector is None:
            return None
        own = copy.copy(self)
        own.detector = detector
        return own

    def checksum(self) -> str:
        """That of the detector's weights."""
        return self.detector.checksum()


class Defended(Behind):
    """A detector that sees images through a step; attacks through it are adaptive.

    Args:
        detector: frozen.
        step: see `Step`.
        called: the defence's name in messages.
    """

    def __init__(self, detector: Detector, step: Step, *, called: str = "defence") -> None:
        super().__init__(detector)
        self._step, self._called = step, called

    def changed(self, images_nchw: Tensor) -> Tensor:
        """The images as the detector behind the defence sees them.

        Raises:
            SettingsError: the step gave something else than images of their size.
        """
        images = images_nchw.to(torch.promote_types(images_nchw.dtype, torch.float32))
        with torch.autocast(images.device.type, enabled=False):
            changed = self._step(images)
        if changed.shape != images.shape:
            before, after = (" x ".join(map(str, each.shape)) for each in (images, changed))
            raise SettingsError(
                f"{self._called}: expected images to keep their size {before}, got {after}; leave it out"
            )
        return changed

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """All candidates for one class in the changed images."""
        return self.detector.candidates(self.changed(images_nchw), class_id, boxes=boxes)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The detector's own training losses on the changed images."""
        return self.detector.losses(self.changed(images_nchw), targets, generator)

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections in the changed images."""
        with torch.no_grad():
            changed = self.changed(images_nchw)
        return self.detector.detect(changed, min_score=min_score, iou=iou, max_detections=max_detections)


def seen_by(detector: Detector, images_nchw: Tensor) -> Tensor:
    """The images as the detector behind all its defences sees them, float (n, 3, h, w), 0 to 1.

    A defence that looks at an image several times is no `Defended`: it and what is behind it change nothing.
    """
    while isinstance(detector, Defended):
        images_nchw, detector = detector.changed(images_nchw), detector.detector
    return images_nchw


def straight_through(changed: Tensor, images: Tensor) -> Tensor:
    """The changed images, with the gradient of the images as they were (Athalye et al. 2018, BPDA)."""
    return changed.detach() + (images - images.detach())


def chance_of(image_chw: Tensor, salt: int = 0) -> torch.Generator:
    """A generator on the CPU that is seeded by an image, float (3, h, w), 0 to 1.

    A random defence draws anew whenever the image changes, so an attack sees another draw in each step and
    optimises the expectation, yet the same image always gives the same answer. The sum is over whole numbers,
    so it depends neither on the order of the summands nor on the device.
    """
    total = int((image_chw.detach() * 2**24).to(torch.int64).sum())
    seed = total * 0x9E3779B97F4A7C15 ^ salt * 0xC2B2AE3D27D4EB4F
    return torch.Generator().manual_seed(seed & (2**63 - 1))
