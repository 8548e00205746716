# SPDX-License-Identifier: AGPL-3.0-only
"""The class's score over an image, from a detector's candidates, laid over the image."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.detectors.base import Candidates

CELL_PX = 8
REACH = 5  # cells that a candidate is seen in, either way: points of the coarsest grids lie four apart
# Score → colour, as matplotlib's "inferno" (CC0) has them at quarters.
RAMP = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
DIMMED = 0.6  # what is left of the image's light where the score is 0


def score_maps(candidates: Candidates, height: int, width: int) -> Tensor:
    """The highest score of the candidates that look at each cell, float (n, rows, columns), 0 to 1.

    Args:
        candidates: of n images of one size.
        height, width: of the images in pixels.
    """
    scores = candidates.logits.detach().float().sigmoid().cpu()
    points = candidates.points_xy_px.detach().float().cpu().expand(len(scores), -1, -1)
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    x = (points[..., 0] / CELL_PX).long().clamp(0, columns - 1)
    y = (points[..., 1] / CELL_PX).long().clamp(0, rows - 1)
    flat = torch.zeros((len(scores), rows * columns))
    flat.scatter_reduce_(1, y * columns + x, scores, reduce="amax")
    maps = flat.reshape(-1, 1, rows, columns)
    return F.max_pool2d(maps, REACH, stride=1, padding=REACH // 2)[:, 0]


def overlaid(image_chw: Tensor, scores_hw: Tensor) -> Tensor:
    """An image in dim greys, the brighter and the more coloured the higher the score.

    Args:
        image_chw: float (3, h, w), 0 to 1.
        scores_hw: of the image's cells, as `score_maps` gives them.

    Returns:
        Float (3, h, w), 0 to 1.
    """
    height, width = image_chw.shape[1:]
    scores = F.interpolate(scores_hw[None, None], scale_factor=CELL_PX, mode="bilinear")[
        0, 0, :height, :width
    ]
    stops = np.linspace(0, 1, len(RAMP))
    ramp = np.array(RAMP, dtype=np.float32) / 255
    colours = [np.interp(scores.numpy(), stops, ramp[:, channel]) for channel in range(3)]
    coloured = torch.from_numpy(np.stack(colours).astype(np.float32))
    grey = image_chw.mean(dim=0, keepdim=True) * DIMMED
    return grey * (1 - scores) + coloured * scores
