# SPDX-License-Identifier: AGPL-3.0-only
"""Scores at four anchor points, and objects over them."""

from __future__ import annotations

import torch

from engine.detectors.base import ClassScores


def scores(*images: list[float]) -> ClassScores:
    """Scores (not logits) of each image at four anchor points: (4, 4), (12, 4), (4, 12), (12, 12)."""
    points = torch.tensor([[4.0, 4], [12, 4], [4, 12], [12, 12]])
    return ClassScores(logits=torch.tensor(images).logit(), points_xy_px=points)


FIRST, SECOND = [0.9, 0.2, 0.4, 0.1], [0.5, 0.6, 0.7, 0.8]
ALL, LEFT, TINY = (0, 0, 16, 16), (0, 0, 8, 16), (10, 10, 11, 11)
