# SPDX-License-Identifier: AGPL-3.0-only
"""A detector behind a defence: the same interface, but it sees images that the defence has changed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.detectors.base import Candidates, Detections, Detector, Targets

Step = Callable[[Tensor], Tensor]
"""Changes images, float (n, 3, h, w), 0 to 1, into images of the same form.

It is differentiable, or passes gradients straight through where it has none (`straight_through`). What it
changes in an image depends on no other image of the batch, and chance is a function of the image
(`chance_of`), so that runs resume to the bit and batches can be split. Several threads call it at once.
"""


class Defended:
    """A detector that sees images through a step; attacks through it are adaptive.

    Args:
        detector: frozen.
        step: see `Step`.

    Attributes:
        detector: the one behind the defence.
    """

    def __init__(self, detector: Detector, step: Step) -> None:
        self.detector = detector
        self._step = step
        self.name = detector.name
        self.family = detector.family
        self.end_to_end = detector.end_to_end
        self.class_names = detector.class_names
        self.loss_names = detector.loss_names
        self.stride_px = detector.stride_px
        self.resizes = detector.resizes
        self.device = detector.device

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """All candidates for one class in the changed images."""
        return self.detector.candidates(self._step(images_nchw), class_id, boxes=boxes)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The detector's own training losses on the changed images."""
        return self.detector.losses(self._step(images_nchw), targets, generator)

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections in the changed images."""
        return self.detector.detect(
            self._step(images_nchw), min_score=min_score, iou=iou, max_detections=max_detections
        )

    def checksum(self) -> str:
        """That of the detector's weights."""
        return self.detector.checksum()


def straight_through(changed: Tensor, images: Tensor) -> Tensor:
    """The changed images, with the gradient of the images as they were (Athalye et al. 2018, BPDA)."""
    return images + (changed - images).detach()


def chance_of(image_chw: Tensor, salt: int = 0) -> torch.Generator:
    """A generator on the CPU that is seeded by an image, float (3, h, w).

    A random defence draws anew whenever the image changes, so an attack sees another draw in each step and
    optimises the expectation, yet the same image always gives the same answer.
    """
    total = image_chw.detach().double().sum().cpu()
    seed = int(total.view(torch.int64)) ^ (salt * 0x9E3779B97F4A7C15)
    return torch.Generator().manual_seed(seed & (2**63 - 1))
