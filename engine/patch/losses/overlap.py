# SPDX-License-Identifier: AGPL-3.0-only
"""The term `overlap`: lowers the scores of boxes that overlap an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Candidates, Targets

MIN_OVERLAP = 0.4  # below the 0.5 of a match, because boxes could be pushed just below that


def overlap_suppression(candidates: Candidates, targets: Targets, top_k: int) -> Tensor:
    """The mean of each object's top-k scores of boxes with IoU ≥ `MIN_OVERLAP`, summed and divided by images.

    Where fewer than k overlap, the others count as 0. Boxes only select candidates and receive no gradient.
    Unlike with `object`, a patch may lower this loss by moving boxes instead of hiding the object, which
    causes hallucinations.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    logits = at_least_fp32(candidates.logits)
    if candidates.boxes_xyxy_px is None:
        raise ValueError("expected candidates with boxes, got some without")
    if not len(targets.boxes_xyxy_px):
        return logits[:0].sum()  # of nothing, but in the graph
    boxes = candidates.boxes_xyxy_px.detach().float()[targets.image_index]
    overlaps = _overlaps(targets.boxes_xyxy_px, boxes)
    scores = logits[targets.image_index].sigmoid() * (overlaps >= MIN_OVERLAP)
    best = scores.topk(min(top_k, scores.shape[1]), dim=1).values
    return best.sum() / top_k / targets.images


def _overlaps(objects_xyxy_px: Tensor, boxes_xyxy_px: Tensor) -> Tensor:
    """The IoU (m, k) of each object (m, 4) with all boxes of its image (m, k, 4)."""
    objects = objects_xyxy_px[:, None]
    low, high = (
        objects[..., :2].maximum(boxes_xyxy_px[..., :2]),
        objects[..., 2:].minimum(boxes_xyxy_px[..., 2:]),
    )
    shared = (high - low).clamp(min=0).prod(dim=2)
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(dim=2) for each in (objects, boxes_xyxy_px)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)


LOSSES.add(
    LossTerm(
        name="overlap",
        label="Weight: overlap",
        help="Lowers the scores of boxes that overlap an object, wherever they are predicted from.",
        needs="boxes",
        value=lambda given: (
            overlap_suppression(given.candidates, given.targets, given.top_k) / given.objects_per_image
        ),
    )
)
