# SPDX-License-Identifier: AGPL-3.0-only
"""A detector that sees images moved and scaled, and answers in the coordinates of the images as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.defences.defended import Defended, chance_of
from engine.detectors.base import Candidates, Detections, Detector, Targets

GREY = 114 / 255  # what loaders pad images with


@dataclass(frozen=True, kw_only=True)
class Move:
    """Where an image goes: x → scale × x + (left, top), in pixels."""

    scale: float
    left_px: float
    top_px: float


class Moved(Defended):
    """A detector behind a defence that moves each image; boxes and points are moved back.

    Args:
        detector: frozen.
        move_of: where an image (3, h, w) goes, inside its own borders.
    """

    def __init__(self, detector: Detector, move_of: Callable[[Tensor], Move]) -> None:
        super().__init__(detector, lambda images_nchw: moved(images_nchw, self._moves(images_nchw)))
        self._move_of = move_of

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """All candidates for one class in the moved images, where they are in the images themselves."""
        moves = self._moves(images_nchw)
        found = self.detector.candidates(self.changed(images_nchw), class_id, boxes=boxes)
        return _candidates_back(found, *moves)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The detector's own training losses on the moved images with their objects."""
        scales, offsets_px = self._moves(images_nchw)
        owners = targets.image_index
        boxes = targets.boxes_xyxy_px * scales[owners, None] + offsets_px[owners].repeat(1, 2)
        there = replace(targets, boxes_xyxy_px=boxes.to(targets.boxes_xyxy_px.dtype))
        return self.detector.losses(self.changed(images_nchw), there, generator)

    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections in the moved images, where they are in the images themselves."""
        found = super().detect(images_nchw, min_score=min_score, iou=iou, max_detections=max_detections)
        scales, offsets_px = (each.cpu() for each in self._moves(images_nchw))
        return [
            replace(each, boxes_xyxy_px=_back(each.boxes_xyxy_px, scale, offset.repeat(2)))
            for each, scale, offset in zip(found, scales, offsets_px, strict=True)
        ]

    def _moves(self, images_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Scales (n,) and offsets in pixels (n, 2) of all images."""
        moves = [self._move_of(image) for image in images_nchw.detach()]
        numbers = torch.tensor([[each.scale, each.left_px, each.top_px] for each in moves]).reshape(-1, 3)
        numbers = numbers.to(images_nchw.device)
        return numbers[:, 0], numbers[:, 1:]


def on_grey(image_chw: Tensor, smallest: float) -> Move:
    """A random scale from `smallest` to 1, and a random place at which all of the image stays visible."""
    height, width = image_chw.shape[1:]
    draws = torch.rand(3, generator=chance_of(image_chw)).tolist()
    scale = smallest + draws[0] * (1 - smallest)
    room = 1 - scale
    return Move(scale=scale, left_px=draws[1] * room * width, top_px=draws[2] * room * height)


def moved(images_nchw: Tensor, moves: tuple[Tensor, Tensor]) -> Tensor:
    """Images (n, 3, h, w) scaled by (n,) and moved by (n, 2) in pixels, on grey; bilinear, differentiable."""
    scales, offsets_px = (each.to(images_nchw) for each in moves)
    sides = scales.new_tensor([images_nchw.shape[3], images_nchw.shape[2]])
    # In coordinates from -1 to 1: which place of the image each pixel of the result sees.
    shift = (1 - 2 * offsets_px / sides) / scales[:, None] - 1
    zero, inverse = torch.zeros_like(scales), scales.reciprocal()
    theta = torch.stack([inverse, zero, shift[:, 0], zero, inverse, shift[:, 1]], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images_nchw.shape), align_corners=False)
    return (F.grid_sample(images_nchw - GREY, grid, align_corners=False) + GREY).clamp(0, 1)


def _candidates_back(found: Candidates, scales: Tensor, offsets_px: Tensor) -> Candidates:
    scale, offset = scales[:, None, None], offsets_px[:, None]
    boxes = found.boxes_xyxy_px
    return replace(
        found,
        points_xy_px=_back(found.points_xy_px, scale, offset),
        boxes_xyxy_px=None if boxes is None else _back(boxes, scale, offset.repeat(1, 1, 2)),
        proposals=found.proposals and _candidates_back(found.proposals, scales, offsets_px),
    )


def _back(places_px: Tensor, scale: Tensor, offset_px: Tensor) -> Tensor:
    """Points or boxes (…, k, 2 or 4) of moved images in those as they were."""
    return (places_px - offset_px) / scale
