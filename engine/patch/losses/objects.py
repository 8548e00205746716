# SPDX-License-Identifier: AGPL-3.0-only
"""The term `object`: lowers the scores of the anchor points inside each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import ClassScores, Targets

OUTSIDE_LOGIT = -30.0  # for anchor points outside the object: a score of 1e-13 with a negligible gradient


def object_suppression(scores: ClassScores, targets: Targets, top_k: int) -> Tensor:
    """The mean of each object's top-k scores, summed over objects and divided by the number of images.

    An object's predictions are those of the anchor points inside its box, where detectors are trained to
    predict it; no predicted boxes are needed. An object too small to contain an anchor point uses the one
    nearest to its centre.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    import torch

    logits = at_least_fp32(scores.logits)
    if not len(targets.boxes_xyxy_px):
        return logits.sum() * 0
    inside = _points_inside(scores, targets)
    candidates = torch.where(inside, logits[targets.image_index], OUTSIDE_LOGIT)
    top = candidates.topk(min(top_k, candidates.shape[1]), dim=1).values
    counted = torch.minimum(inside.sum(dim=1), inside.new_tensor(top.shape[1], dtype=torch.long))
    return (top.sigmoid().sum(dim=1) / counted).sum() / targets.images


def _points_inside(scores: ClassScores, targets: Targets) -> Tensor:
    """Anchor points belonging to each object: bool (m, a), with at least one True each."""
    boxes, points = targets.boxes_xyxy_px, scores.points_xy_px
    inside = ((points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])).all(dim=2)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest = (points - centres[:, None]).square().sum(dim=2).argmin(dim=1, keepdim=True)
    return inside.scatter(1, nearest, True)


LOSSES.add(
    LossTerm(
        name="object",
        label="Weight: object",
        help="Lowers the scores of predictions on each object.",
        needs="scores",
        value=lambda given: (
            object_suppression(given.candidates, given.targets, given.top_k) / given.objects_per_image
        ),
    )
)
