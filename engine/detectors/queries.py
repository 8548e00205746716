# SPDX-License-Identifier: AGPL-3.0-only
"""What detectors share whose candidates are queries: boxes from 0 to 1, and candidates made from them."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.detectors.base import Candidates


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


def _sides(images_nchw: Tensor, like: Tensor) -> Tensor:
    height, width = images_nchw.shape[-2:]
    return like.new_tensor([width, height, width, height])
