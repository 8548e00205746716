# SPDX-License-Identifier: AGPL-3.0-only
"""What the engine asks of a detector, and the forms in which it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The objects of a batch: boxes of all images concatenated, nothing padded.

    Attributes:
        boxes_xyxy_px: float32 (m, 4), corners in pixels of the batch's images.
        class_ids: int64 (m,).
        image_index: int64 (m,), which image of the batch (0 to n - 1) each box lies in.
        images: the number of images n; some may hold no box.
    """

    boxes_xyxy_px: Tensor
    class_ids: Tensor
    image_index: Tensor
    images: int

    def of_class(self, class_id: int) -> Targets:
        """The targets of one class."""
        return self.where(self.class_ids == class_id)

    def where(self, keep: Tensor) -> Targets:
        """The targets at which `keep`, bool (m,), is true."""
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px[keep],
            class_ids=self.class_ids[keep],
            image_index=self.image_index[keep],
            images=self.images,
        )

    def of_images(self, first: int, last: int) -> Targets:
        """The targets of the batch's images `first` to `last - 1`, numbered from 0 again."""
        keep = (self.image_index >= first) & (self.image_index < last)
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px[keep],
            class_ids=self.class_ids[keep],
            image_index=self.image_index[keep] - first,
            images=last - first,
        )

    def to(self, device: torch.device) -> Targets:
        """The same targets on a device."""
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px.to(device, non_blocking=True),
            class_ids=self.class_ids.to(device, non_blocking=True),
            image_index=self.image_index.to(device, non_blocking=True),
            images=self.images,
        )


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Dense, differentiable scores of one class, before any suppression of duplicates.

    Attributes:
        logits: (n, a): the class's logit at each of the a anchor points; sigmoid gives the score.
        points_xy_px: (a, 2): the anchor points' centres in image pixels.
    """

    logits: Tensor
    points_xy_px: Tensor


@dataclass(frozen=True, kw_only=True)
class Predictions(ClassScores):
    """The same with the box that is predicted at each anchor point, differentiable too.

    Attributes:
        boxes_xyxy_px: (n, a, 4), corners in image pixels, possibly outside the image.
    """

    boxes_xyxy_px: Tensor


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Final detections of one image, best first, on the CPU.

    Attributes:
        boxes_xyxy_px: float32 (d, 4), corners in pixels of the image as it was given to the detector.
        scores: float32 (d,), 0 to 1.
        class_ids: int64 (d,).
    """

    boxes_xyxy_px: Tensor
    scores: Tensor
    class_ids: Tensor


class Detector(Protocol):
    """A frozen object detector. `images_nchw` is float, 0 to 1, RGB, sides divisible by `stride_px`.

    `class_scores`, `predictions` and `losses` are differentiable with respect to the images; no weight
    ever receives a gradient.
    """

    name: str
    family: str
    end_to_end: bool
    class_names: tuple[str, ...]
    stride_px: int
    device: torch.device

    def class_scores(self, images_nchw: Tensor, class_id: int) -> ClassScores:
        """Scores of one class at every anchor point; computes no boxes."""

    def predictions(self, images_nchw: Tensor, class_id: int) -> Predictions:
        """Boxes and scores of one class at every anchor point."""

    def losses(self, images_nchw: Tensor, targets: Targets) -> dict[str, Tensor]:
        """The detector's own training losses, keys `box`, `cls`, `dfl`, `total`, each per image (mean)."""

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections of each image: NMS applied, or the end-to-end head's own choice."""

    def checksum(self) -> str:
        """A SHA-256 over all weights and buffers, to prove that a run has changed none."""
