# SPDX-License-Identifier: AGPL-3.0-only
"""Which objects of one image are found, and which predictions overlap none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.boxes import FloatArray, iou_matrix

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassBoxes:
    """Detections of one class in one image, best first.

    Attributes:
        boxes_xyxy_px: (d, 4), corners in pixels.
        scores: (d,), 0 to 1, descending.
    """

    boxes_xyxy_px: FloatArray
    scores: FloatArray

    def at_least(self, min_score: float) -> ClassBoxes:
        """Those with score ≥ `min_score`."""
        keep = self.scores >= min_score
        return ClassBoxes(boxes_xyxy_px=self.boxes_xyxy_px[keep], scores=self.scores[keep])


def match_greedy(objects_xyxy_px: FloatArray, boxes_xyxy_px: FloatArray, *, iou: float) -> IntArray:
    """The box matched one to one to each object (g, 4), of boxes (d, 4) given best first; int64 (g,).

    COCO's rule (Lin et al. 2014, pycocotools `evaluateImg`): each box in turn takes the object that it
    overlaps most among those not yet taken, if their IoU is at least `iou`.

    Returns:
        Indices of boxes, -1 where there is none.
    """
    matched = np.full(len(objects_xyxy_px), -1)
    overlaps = iou_matrix(boxes_xyxy_px, objects_xyxy_px)
    for box in np.flatnonzero((overlaps >= iou).any(axis=1)):
        free = np.where(matched >= 0, -1.0, overlaps[box])
        best = int(free.argmax())
        if free[best] >= iou:
            matched[best] = box
    return matched


def uncovered_objects(objects_xyxy_px: FloatArray, boxes_xyxy_px: FloatArray, *, iou: float) -> BoolArray:
    """Which of the objects (g, 4) no box (d, 4) overlaps by `iou` or more; bool (g,)."""
    return np.asarray((iou_matrix(objects_xyxy_px, boxes_xyxy_px) < iou).all(axis=1))


def unfounded_boxes(objects_xyxy_px: FloatArray, boxes_xyxy_px: FloatArray, *, iou: float) -> BoolArray:
    """Which of the boxes (d, 4) overlap no object (g, 4) by `iou` or more; bool (d,)."""
    return uncovered_objects(boxes_xyxy_px, objects_xyxy_px, iou=iou)
