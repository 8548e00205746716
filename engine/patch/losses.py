# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch run minimises: named, weighted, differentiable terms."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.detectors.base import ClassScores, Detector, Predictions, Targets

__all__ = ["PatchLoss", "max_confidence", "object_suppression", "overlap_suppression", "total_variation"]

NATIVE_TERMS = ("total", "cls", "box", "dfl")
MIN_OVERLAP = 0.4  # below the 0.5 at which a detection counts, so that none is pushed just below it
OUTSIDE_LOGIT = -30.0  # of anchor points that do not compete: their score is 1e-13, their gradient nothing


class PatchLoss:
    """The weighted sum of the terms asked for; only what they need of the detector is computed.

    Every term but `tv` and the detector's own is a mean over the batch's images, so the losses of batches,
    weighted by their images, add up to the same whatever the batch plan (`adds_up`). The detector's own are
    divided by what it assigns in the whole batch.

    Args:
        weights: term name (`engine.config.LOSS_TERMS`) → weight.
        class_id: the class under attack.
        objects_per_image: the run's mean, which brings `object` and `overlap` to the scale of a score.
        top_k: how many anchor points an object's `object` and `overlap` terms look at.
    """

    def __init__(
        self, weights: Mapping[str, float], *, class_id: int, objects_per_image: float, top_k: int
    ) -> None:
        self._weights = dict(weights)
        self._class_id = class_id
        self._objects_per_image = max(objects_per_image, 1e-6)
        self._top_k = top_k
        self.adds_up = not self._weights.keys() & set(NATIVE_TERMS)

    def __call__(
        self, detector: Detector, images_nchw: Tensor, targets: Targets, patch_chw: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (a scalar to minimise) and each unweighted term.

        Args:
            detector: the frozen detector.
            images_nchw: float (n, 3, h, w), the batch with the patch drawn.
            targets: the batch's objects of the class under attack.
            patch_chw: float (3, h, w), the patch itself.
        """
        terms: dict[str, Tensor] = {}
        if {"object", "overlap", "max_confidence"} & self._weights.keys():
            scores: ClassScores
            if "overlap" in self._weights:
                scores = found = detector.predictions(images_nchw, self._class_id)
                terms["overlap"] = overlap_suppression(found, targets, self._top_k) / self._objects_per_image
            else:
                scores = detector.class_scores(images_nchw, self._class_id)
            if "object" in self._weights:
                terms["object"] = object_suppression(scores, targets, self._top_k) / self._objects_per_image
            if "max_confidence" in self._weights:
                terms["max_confidence"] = max_confidence(scores)
        if self._weights.keys() & set(NATIVE_TERMS):
            native = detector.losses(images_nchw, targets)
            terms |= {name: -native[name] for name in NATIVE_TERMS if name in self._weights}
        if "tv" in self._weights:
            terms["tv"] = total_variation(patch_chw)
        loss = torch.stack([self._weights[name] * _at_least_fp32(term) for name, term in terms.items()]).sum()
        return loss, terms


def object_suppression(scores: ClassScores, targets: Targets, top_k: int) -> Tensor:
    """Per-object suppression: each object's mean of its top-k scores, summed, divided by the images.

    An object's predictions are those of the anchor points inside its box: that is where detectors which
    predict from anchor points are trained to answer for it, and it needs no box to be computed. An object
    too small to hold an anchor point takes the one nearest to its centre.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    logits = _at_least_fp32(scores.logits)
    if not len(targets.boxes_xyxy_px):
        return logits.sum() * 0
    inside = _points_inside(scores, targets)
    competing = torch.where(inside, logits[targets.image_index], OUTSIDE_LOGIT)
    top = competing.topk(min(top_k, competing.shape[1]), dim=1).values
    counted = torch.minimum(inside.sum(dim=1), inside.new_tensor(top.shape[1], dtype=torch.long))
    return (top.sigmoid().sum(dim=1) / counted).sum() / targets.images


def overlap_suppression(found: Predictions, targets: Targets, top_k: int) -> Tensor:
    """Suppression of what overlaps an object: its top-k scores among the boxes with IoU ≥ `MIN_OVERLAP`.

    Summed over objects, divided by k and by the images. Boxes only choose who competes; no gradient goes
    through them. A patch may escape it by moving boxes instead of hiding the object, which `object` does not
    let it: that costs hallucinations.

    Returns:
        A scalar; 0 for a batch without objects.
    """
    logits = _at_least_fp32(found.logits)
    if not len(targets.boxes_xyxy_px):
        return logits.sum() * 0
    overlaps = _overlaps(targets.boxes_xyxy_px, found.boxes_xyxy_px.detach().float()[targets.image_index])
    competing = logits[targets.image_index].sigmoid() * (overlaps >= MIN_OVERLAP)
    count = min(top_k, competing.shape[1])
    return competing.topk(count, dim=1).values.sum() / count / targets.images


def _overlaps(objects_xyxy_px: Tensor, boxes_xyxy_px: Tensor) -> Tensor:
    """The IoU of each object (m, 4) with each box of its own image (m, a, 4): (m, a)."""
    objects = objects_xyxy_px[:, None]
    shared = (
        (
            torch.minimum(objects[..., 2:], boxes_xyxy_px[..., 2:])
            - torch.maximum(objects[..., :2], boxes_xyxy_px[..., :2])
        )
        .clamp(min=0)
        .prod(dim=2)
    )
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(dim=2) for each in (objects, boxes_xyxy_px)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)


def _points_inside(scores: ClassScores, targets: Targets) -> Tensor:
    """Which anchor points belong to each object: bool (m, a), at least one each."""
    boxes, points = targets.boxes_xyxy_px, scores.points_xy_px
    inside = ((points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])).all(dim=2)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    nearest = (points - centres[:, None]).square().sum(dim=2).argmin(dim=1, keepdim=True)
    return inside.scatter(1, nearest, True)


def max_confidence(scores: ClassScores) -> Tensor:
    """The mean over images of the highest score of the class (Thys et al. 2019, section 3.1)."""
    return _at_least_fp32(scores.logits).amax(dim=1).sigmoid().mean()


def total_variation(patch_chw: Tensor) -> Tensor:
    """The mean absolute difference of neighbouring texels (Sharif et al. 2016, section 4.3, as L1)."""
    patch = _at_least_fp32(patch_chw)
    return (patch[:, 1:] - patch[:, :-1]).abs().mean() + (patch[:, :, 1:] - patch[:, :, :-1]).abs().mean()


def _at_least_fp32(values: Tensor) -> Tensor:
    """Half precision widened: the sums of a loss need more digits than the detector's layers do."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
