# SPDX-License-Identifier: AGPL-3.0-only
"""The interface of detectors, and the types of its inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The objects of a batch: boxes of all images concatenated, without padding.

    Attributes:
        boxes_xyxy_px: float32 (m, 4), corners in pixels of the batch's images.
        class_ids: int64 (m,).
        image_index: int64 (m,), index of each box's image in the batch, 0 to n - 1.
        images: number of images n; some may have no box.
    """

    boxes_xyxy_px: Tensor
    class_ids: Tensor
    image_index: Tensor
    images: int

    def of_class(self, class_id: int) -> Targets:
        """The targets of one class."""
        return self.where(self.class_ids == class_id)

    def where(self, keep: Tensor) -> Targets:
        """The targets for which `keep`, bool (m,), is True."""
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px[keep],
            class_ids=self.class_ids[keep],
            image_index=self.image_index[keep],
            images=self.images,
        )

    def of_images(self, first: int, last: int) -> Targets:
        """The targets of images `first` to `last - 1`, renumbered from 0."""
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
    """Dense, differentiable scores of one class, before NMS.

    Attributes:
        logits: (n, a), the class's logit at each of the a anchor points; its sigmoid is the score.
        points_xy_px: (a, 2), the anchor points in image pixels.
    """

    logits: Tensor
    points_xy_px: Tensor


@dataclass(frozen=True, kw_only=True)
class Predictions(ClassScores):
    """Class scores with the predicted box at each anchor point, which is differentiable too.

    Attributes:
        boxes_xyxy_px: (n, a, 4), corners in image pixels, possibly outside the image.
    """

    boxes_xyxy_px: Tensor


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Final detections of one image, best first, on the CPU.

    Attributes:
        boxes_xyxy_px: float32 (d, 4), corners in pixels of the detector's input image.
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
        """Scores of one class at every anchor point, without computing boxes."""

    def predictions(self, images_nchw: Tensor, class_id: int) -> Predictions:
        """Boxes and scores of one class at every anchor point."""

    def losses(self, images_nchw: Tensor, targets: Targets) -> dict[str, Tensor]:
        """The detector's own training losses `box`, `cls`, `dfl`, `total`, each averaged over images."""

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections of each image, after NMS or from the end-to-end head."""

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers, to prove that a run has not changed them."""
