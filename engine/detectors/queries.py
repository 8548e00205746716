# SPDX-License-Identifier: AGPL-3.0-only
"""What detectors share whose candidates are queries: boxes from 0 to 1, candidates and detections."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.detectors.base import Candidates, Detections


def pixel_corners(boxes: Tensor, images_nchw: Tensor) -> Tensor:
    """Corners (…, 4) in pixels of the images from centres and sizes as shares of the image."""
    centres, halves = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat((centres - halves, centres + halves), dim=-1) * _sides(images_nchw, boxes)


def unit_boxes(corners_px: Tensor, images_nchw: Tensor) -> Tensor:
    """Centres and sizes (…, 4) as shares of the image, from corners in pixels of the images."""
    first, last = corners_px[..., :2], corners_px[..., 2:]
    return torch.cat(((first + last) / 2, last - first), dim=-1) / _sides(images_nchw, corners_px)


def query_candidates(logits: Tensor, corners_px: Tensor, *, boxes: bool) -> Candidates:
    """Candidates that look where their boxes are.

    Args:
        logits: float (n, k).
        corners_px: float (n, k, 4), whose centres are the points, without a gradient.
        boxes: whether to include them.
    """
    corners = corners_px.detach()
    return Candidates(
        logits=logits,
        points_xy_px=(corners[..., :2] + corners[..., 2:]) / 2,
        boxes_xyxy_px=corners_px if boxes else None,
    )


def best_detections(
    scores: Tensor, corners_px: Tensor, *, min_score: float, most: int, one_each: bool = False
) -> list[Detections]:
    """Each image's best pairs of query and class, without NMS.

    Args:
        scores: float (n, k, classes), 0 to 1.
        corners_px: float (n, k, 4).
        min_score: minimum score (exclusive), 0 to 1.
        most: maximum number per image.
        one_each: whether a query stands for its best class alone, as the classes of a softmax exclude each
            other.

    Returns:
        One `Detections` per image, best first, on the CPU.
    """
    classes = scores.shape[2]
    if one_each:
        best = scores.amax(dim=2, keepdim=True)
        first = torch.arange(classes, device=scores.device) == scores.argmax(dim=2, keepdim=True)
        scores = torch.where(first, best, -1.0)
    pairs = scores.flatten(1).float()
    values, places = pairs.topk(min(most, pairs.shape[1]), dim=1)
    return [
        Detections(
            boxes_xyxy_px=corners[place[: len(kept)] // classes].float().cpu(),
            scores=kept.cpu(),
            class_ids=(place[: len(kept)] % classes).cpu(),
        )
        for corners, place, kept in zip(
            corners_px, places, (value[value > min_score] for value in values), strict=True
        )
    ]


def _sides(images_nchw: Tensor, like: Tensor) -> Tensor:
    height, width = images_nchw.shape[-2:]
    return like.new_tensor([width, height, width, height])
