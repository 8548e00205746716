# SPDX-License-Identifier: AGPL-3.0-only
"""The term `object`: lowers the scores of the candidates that look at each object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Candidates, Targets

OUTSIDE_LOGIT = -30.0  # for candidates outside the object: a score of 1e-13 with a negligible gradient


def object_suppression(candidates: Candidates, targets: Targets, top_k: int) -> Tensor:
    """The mean of each object's top-k scores, summed over objects and divided by the number of images.

    An object's candidates are those whose point lies inside its box, where detectors are trained to predict
    it; no predicted boxes are needed. An object too small to contain a point has the candidate nearest to its
    centre. In an image without candidates it counts as 0. Of a two-stage detector both stages' values
    are added: what the first one scores low, the second one never sees.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    import torch

    if candidates.proposals is not None:
        stages = replace(candidates, proposals=None), candidates.proposals
        return torch.stack([object_suppression(stage, targets, top_k) for stage in stages]).sum()
    logits = at_least_fp32(candidates.logits)
    if not len(targets.boxes_xyxy_px):
        return logits[:0].sum()  # of nothing, but in the graph
    inside = _points_inside(candidates, targets)
    competing = torch.where(inside, logits[targets.image_index], OUTSIDE_LOGIT)
    top = competing.topk(min(top_k, competing.shape[1]), dim=1).values
    counted = torch.minimum(inside.sum(dim=1), inside.new_tensor(top.shape[1], dtype=torch.long))
    return (top.sigmoid().sum(dim=1) / counted).sum() / targets.images


def _points_inside(candidates: Candidates, targets: Targets) -> Tensor:
    """Candidates belonging to each object: bool (m, k), with at least one True each."""
    boxes, points = targets.boxes_xyxy_px, candidates.points_of(targets.image_index)
    inside = ((points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])).all(dim=2)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distances = (points - centres[:, None]).square().sum(dim=2)
    if candidates.valid is not None:
        valid = candidates.valid[targets.image_index]
        inside, distances = inside & valid, distances.masked_fill(~valid, float("inf"))
    return inside.scatter(1, distances.argmin(dim=1, keepdim=True), True)


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
