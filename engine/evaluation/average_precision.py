# SPDX-License-Identifier: AGPL-3.0-only
"""Average precision of one class by COCO's rules, from pycocotools, and for resampled images."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from engine.boxes import FloatArray
from engine.evaluation.matching import ClassBoxes

CLASS_ID = 1
MAX_DETECTIONS = 100
# Entries of one block of the resampled sums: bounds memory to tens of megabytes whatever the dataset.
BLOCK_ENTRIES = 4_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePrecision:
    """AP of one class and what is needed to compute it again for resampled images.

    Attributes:
        ap50, ap50_95: pycocotools' result, 0 to 1; NaN where there is no object.
        objects: int64 (n,), objects of each image.
        image_index: int64 (d,), the image of each detection; detections of all images, best first.
        true_positives: bool (10, d), at IoU 0.50, 0.55 … 0.95.
        recalls: (101,), the recalls at which precision is read.
    """

    ap50: float
    ap50_95: float
    objects: npt.NDArray[np.int64]
    image_index: npt.NDArray[np.int64]
    true_positives: npt.NDArray[np.bool_]
    recalls: npt.NDArray[np.float64]

    def resampled(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """AP50 and AP50-95 where image i is there counts[r, i] times: (resamples, n) → (resamples, 2).

        What pycocotools' `accumulate` computes for such images, vectorised: a detection of an image drawn
        k times counts k times. NaN where a resample holds no object.
        """
        rows = max(BLOCK_ENTRIES // max(len(self.image_index), 1), 1)
        blocks = [
            self._resampled_block(counts[start : start + rows]) for start in range(0, len(counts), rows)
        ]
        return np.concatenate(blocks) if blocks else np.zeros((0, 2))

    def _resampled_block(self, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        objects = counts @ self.objects
        drawn = counts[:, self.image_index]
        ranks = drawn.cumsum(axis=1)
        by_hits: dict[bytes, npt.NDArray[np.float64]] = {}  # thresholds often have the same true positives
        for true_positive in self.true_positives:
            if (key := true_positive.tobytes()) not in by_hits:
                hits = np.flatnonzero(true_positive)
                found = drawn[:, hits].cumsum(axis=1)
                by_hits[key] = self._interpolated(found, ranks[:, hits], objects)
        by_iou = [by_hits[true_positive.tobytes()] for true_positive in self.true_positives]
        ap = np.stack([by_iou[0], np.mean(by_iou, axis=0)], axis=1)
        ap[objects == 0] = np.nan
        return ap

    def _interpolated(
        self,
        found: npt.NDArray[np.int64],
        ranks: npt.NDArray[np.int64],
        objects: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float64]:
        """Mean precision over the 101 recalls, from true positives only: (r, h), (r, h), (r,) → (r,).

        Precision peaks at true positives, so the false ones between need not be looked at.
        """
        if not found.shape[1]:
            return np.zeros(len(found))
        precision = found / (ranks + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(self.recalls, found / np.maximum(objects, 1)[:, None], side="right")
        return (precision * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(self.recalls)


def measure_ap(objects_xyxy_px: Sequence[FloatArray], found: Sequence[ClassBoxes]) -> AveragePrecision:
    """AP of the detections of each image against its objects, one (g, 4) and one `ClassBoxes` an image.

    COCO's rules: at most 100 detections an image, all areas, no crowds (Lin et al. 2014).
    """
    if len(objects_xyxy_px) != len(found):
        raise ValueError(f"expected detections of {len(objects_xyxy_px)} images, got {len(found)}")
    boxes = [image.boxes_xyxy_px for image in found]
    scores = [image.scores for image in found]
    # pycocotools reports its progress on standard output, which belongs to the result.
    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(_index(objects_xyxy_px), _index(boxes, scores), iouType="bbox")
        judge.params.imgIds = list(range(len(found)))
        judge.params.catIds = [CLASS_ID]
        judge.params.areaRng, judge.params.areaRngLbl = judge.params.areaRng[:1], ["all"]
        judge.params.maxDets = [MAX_DETECTIONS]
        judge.evaluate()
        judge.accumulate()
    return _collected(judge, [len(image) for image in objects_xyxy_px])


def _index(boxes_xyxy_px: Sequence[FloatArray], scores: Sequence[FloatArray] | None = None) -> COCO:
    """The boxes (and scores) of each image as pycocotools' dataset of one class."""
    annotations: list[dict[str, Any]] = []
    for image, boxes in enumerate(boxes_xyxy_px):
        corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        sizes = corners[:, 2:] - corners[:, :2]
        for position, (corner, size) in enumerate(zip(corners[:, :2].tolist(), sizes.tolist(), strict=True)):
            annotation = {"image_id": image, "category_id": CLASS_ID, "bbox": corner + size, "iscrowd": 0}
            # Ids count from 1: pycocotools marks what is unmatched with id 0.
            annotation |= {"id": len(annotations) + 1, "area": size[0] * size[1]}
            if scores is not None:
                annotation["score"] = float(scores[image][position])
            annotations.append(annotation)
    coco = COCO()
    images = [{"id": image} for image in range(len(boxes_xyxy_px))]
    coco.dataset = {"images": images, "annotations": annotations, "categories": [{"id": CLASS_ID}]}
    coco.createIndex()
    return coco


def _collected(judge: COCOeval, objects: list[int]) -> AveragePrecision:
    """pycocotools' precision and per-image matches, in our form."""
    images = [image for image in judge.evalImgs if image is not None]
    thresholds = len(judge.params.iouThrs)
    scores = np.concatenate([[], *(image["dtScores"] for image in images)])
    order = np.argsort(-scores, kind="mergesort")
    owners = [np.full(len(image["dtScores"]), image["image_id"], dtype=np.int64) for image in images]
    matches = [image["dtMatches"].reshape(thresholds, -1) > 0 for image in images]
    precision = judge.eval["precision"][:, :, 0, 0, 0].mean(axis=1)
    precision[precision < 0] = np.nan  # pycocotools' mark for "no object"
    return AveragePrecision(
        ap50=float(precision[0]),
        ap50_95=float(precision.mean()),
        objects=np.asarray(objects, dtype=np.int64),
        image_index=np.concatenate([np.zeros(0, dtype=np.int64), *owners])[order],
        true_positives=np.concatenate([np.zeros((thresholds, 0), dtype=bool), *matches], axis=1)[:, order],
        recalls=judge.params.recThrs,
    )
