# SPDX-License-Identifier: AGPL-3.0-only
"""The term `overlap`: lowers the scores of the boxes that overlap each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.patch.losses.terms import LossTerm, at_least_fp32
from engine.registries import LOSSES

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Predictions, Targets

MIN_OVERLAP = 0.4  # below the 0.5 at which a detection counts, so that none is pushed just below it


def overlap_suppression(found: Predictions, targets: Targets, top_k: int) -> Tensor:
    """Suppression of what overlaps an object: its top-k scores among the boxes with IoU ≥ `MIN_OVERLAP`.

    Summed over objects, divided by k and by the images. Boxes only choose who competes; no gradient goes
    through them. A patch may escape it by moving boxes instead of hiding the object, which `object` does not
    let it: that costs hallucinations.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    logits = at_least_fp32(found.logits)
    if not len(targets.boxes_xyxy_px):
        return logits.sum() * 0
    overlaps = _overlaps(targets.boxes_xyxy_px, found.boxes_xyxy_px.detach().float()[targets.image_index])
    competing = logits[targets.image_index].sigmoid() * (overlaps >= MIN_OVERLAP)
    count = min(top_k, competing.shape[1])
    return competing.topk(count, dim=1).values.sum() / count / targets.images


def _overlaps(objects_xyxy_px: Tensor, boxes_xyxy_px: Tensor) -> Tensor:
    """The IoU of each object (m, 4) with each box of its own image (m, a, 4): (m, a)."""
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
        help="Lowers the scores of boxes that overlap an object, wherever they lie.",
        needs="boxes",
        value=lambda given: (
            overlap_suppression(given.candidates, given.targets, given.top_k) / given.objects_per_image
        ),
    )
)
