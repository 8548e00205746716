# SPDX-License-Identifier: AGPL-3.0-only
"""The interface of detectors, and the types of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.settings import require_between


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

    def as_class(self, class_id: int) -> Targets:
        """The same objects, all of one class."""
        return replace(self, class_ids=torch.full_like(self.class_ids, class_id))

    def of_images(self, first: int, last: int) -> Targets:
        """The targets of images `first` to `last - 1`, renumbered from 0."""
        keep = (self.image_index >= first) & (self.image_index < last)
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px[keep],
            class_ids=self.class_ids[keep],
            image_index=self.image_index[keep] - first,
            images=last - first,
        )

    def chosen(self, images: Sequence[int]) -> Targets:
        """The targets of some images, renumbered in this order."""
        numbers = renumbered(self.image_index, images, self.images)
        keep = numbers >= 0
        return replace(self.where(keep), image_index=numbers[keep], images=len(images))

    def to(self, device: torch.device) -> Targets:
        """The same targets on a device."""
        return Targets(
            boxes_xyxy_px=self.boxes_xyxy_px.to(device, non_blocking=True),
            class_ids=self.class_ids.to(device, non_blocking=True),
            image_index=self.image_index.to(device, non_blocking=True),
            images=self.images,
        )


def renumbered(image_index: Tensor, images: Sequence[int], count: int) -> Tensor:
    """The place of each image of an index, int64 (m,), among some of `count` images; -1 for the others."""
    places = torch.full((count,), -1, dtype=torch.int64, device=image_index.device)
    places[list(images)] = torch.arange(len(images), device=places.device)
    return places[image_index]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """All that a detector considers for one class in each image, before NMS or any other choice.

    A candidate is an anchor point, a proposal or a query. k is their number in the image that has most, at
    least 1; `padded` joins images with different numbers.

    Attributes:
        logits: float (n, k), differentiable; the sigmoid is the score. For a softmax the log-odds
            log(p / (1 - p)). -inf for padding.
        points_xy_px: float (n, k, 2), or (1, k, 2) if all images share them: where each candidate looks, in
            image pixels; without a gradient.
        boxes_xyxy_px: float (n, k, 4), differentiable, corners in image pixels, possibly outside the image;
            None unless asked for.
        valid: bool (n, k), False for padding; None if there is none.
        proposals: what the first stage of a two-stage detector considers, its logits the objectness of any
            class; None for others.
    """

    logits: Tensor
    points_xy_px: Tensor
    boxes_xyxy_px: Tensor | None = None
    valid: Tensor | None = None
    proposals: Candidates | None = None

    @classmethod
    def padded(
        cls, logits: Sequence[Tensor], points_xy_px: Sequence[Tensor], boxes_xyxy_px: Sequence[Tensor] = ()
    ) -> Candidates:
        """Join the candidates of images that have different numbers of them.

        Args:
            logits: float (k_i,) for each image, finite; k_i may be 0.
            points_xy_px: float (k_i, 2) for each image.
            boxes_xyxy_px: float (k_i, 4) for each image; empty to leave boxes out.
        """
        counts = [len(each) for each in logits]
        width = max(1, *counts)
        places = torch.arange(width, device=logits[0].device)
        return cls(
            logits=torch.stack([F.pad(each, (0, width - len(each)), value=-torch.inf) for each in logits]),
            points_xy_px=_padded_rows(points_xy_px, width),
            boxes_xyxy_px=_padded_rows(boxes_xyxy_px, width) if boxes_xyxy_px else None,
            valid=places < places.new_tensor(counts)[:, None],
        )

    def points_of(self, image_index: Tensor) -> Tensor:
        """The points of images, int64 (m,): (m, k, 2), or (1, k, 2) if all images share them."""
        return self.points_xy_px if len(self.points_xy_px) == 1 else self.points_xy_px[image_index]


def _padded_rows(rows: Sequence[Tensor], width: int) -> Tensor:
    return torch.stack([F.pad(each, (0, 0, 0, width - len(each))) for each in rows])


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
    """A frozen object detector of any family, as attacks, evaluations and previews use it.

    `images_nchw` is float (n, 3, h, w), 0 to 1, RGB, sides divisible by `stride_px`. `candidates` and
    `losses` are differentiable with respect to the images; no weight ever receives a gradient.

    Attributes:
        name: in reports.
        family: the architecture without its size, such as `yolov8`.
        end_to_end: whether detections need no NMS.
        class_names: by class id.
        loss_names: the names of `losses`.
        stride_px: what the sides of images are multiples of; 1 for any size.
        device: of the weights.
    """

    name: str
    family: str
    end_to_end: bool
    class_names: tuple[str, ...]
    loss_names: tuple[str, ...]
    stride_px: int
    device: torch.device

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """All candidates for one class, with their boxes if asked for."""

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The detector's own training losses by name, scalars, each averaged over images.

        `total` is the one that training minimises. Losses that sample take their chance from the generator
        (on the CPU), or None for the same choice each time, and never from torch's global one.
        """

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections of each image, after NMS if the detector needs it."""

    def for_windows(self, image_px: int) -> Detector | None:
        """This detector for windows of square images, showing it objects as large as the whole images do.

        A detector that takes images in the size that they have is that itself.

        Args:
            image_px: the side of the whole images, on the scale of the windows.

        Returns:
            A detector of the same weights; None if it only sees whole images.
        """

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers, to prove that a run has not changed them."""


def require_images(images_nchw: Tensor, stride_px: int) -> None:
    """Raise `ValueError` unless these are images as a `Detector` of this stride takes them."""
    shape = tuple(images_nchw.shape)
    if len(shape) != 4 or shape[1] != 3 or any(side == 0 or side % stride_px for side in shape[2:]):
        raise ValueError(
            f"images: expected (n, 3, h, w) with sides divisible by {stride_px}, got {shape}; letterbox them"
        )


def require_targets(images_nchw: Tensor, targets: Targets) -> None:
    """Raise `ValueError` for targets of another number of images."""
    if targets.images != len(images_nchw):
        raise ValueError(f"targets: expected those of {len(images_nchw)} images, got {targets.images}")


def require_thresholds(min_score: float, iou: float, max_detections: int) -> None:
    """Raise `ValueError` for thresholds of `Detector.detect` that are out of range."""
    require_between("min_score", min_score, 0, 1)
    require_between("iou", iou, 0, 1)
    require_between("max_detections", max_detections, 1, 1_000_000)
