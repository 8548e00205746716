# SPDX-License-Identifier: AGPL-3.0-only
"""Candidates at four points, and objects over them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.detectors.base import Candidates

POINTS = torch.tensor([[4.0, 4], [12, 4], [4, 12], [12, 12]])


def scored(*images: list[float]) -> Candidates:
    """Candidates with these scores (not logits) in each image at four points that all share."""
    return Candidates(logits=torch.tensor(images).logit(), points_xy_px=POINTS[None])


def ragged(*images: list[float], boxes: Sequence[Sequence[float]] = ()) -> Candidates:
    """The same for up to four scores in each image, at the first of the points and with the first boxes."""
    counts = [len(scores) for scores in images]
    corners = torch.tensor(boxes, dtype=torch.float32)
    return Candidates.padded(
        [torch.tensor(scores).logit() for scores in images],
        [POINTS[:count] for count in counts],
        [corners[:count] for count in counts] if boxes else (),
    )


FIRST, SECOND = [0.9, 0.2, 0.4, 0.1], [0.5, 0.6, 0.7, 0.8]
ALL, LEFT, TINY = (0, 0, 16, 16), (0, 0, 8, 16), (10, 10, 11, 11)
