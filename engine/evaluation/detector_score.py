# SPDX-License-Identifier: AGPL-3.0-only
"""AP50 of a detector without any patch: the mean over classes, by the judge of patches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.boxes import FloatArray
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detections, Detector
from engine.evaluation.average_precision import measure_ap
from engine.evaluation.matching import ClassBoxes
from engine.evaluation.runner import LOWEST_SCORE, NMS_IOU

BATCH = 8


def detector_ap50(
    detector: Detector,
    loader: ImageLoader,
    indices: Sequence[int],
    *,
    stop: Callable[[], object] = lambda: None,
) -> float:
    """The detector's AP50 on images, 0 to 1: the mean over the classes that have objects there.

    Args:
        detector: the detector.
        loader: gives the images, with boxes under the detector's class ids.
        indices: which of the loader's images to score on.
        stop: called after each batch; may raise.

    Returns:
        NaN if no image has an object.

    Raises:
        DatasetError: an image cannot be read.
    """
    found: list[Detections] = []
    boxes: list[FloatArray] = []
    ids: list[np.ndarray] = []
    for batch in loader.batches([indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]):
        images = batch.images_nchw.float() / 255
        found += detector.detect(images, min_score=LOWEST_SCORE, iou=NMS_IOU)
        targets = batch.targets.to(torch.device("cpu"))
        owners = targets.image_index.numpy()
        for image in range(targets.images):
            boxes.append(targets.boxes_xyxy_px.numpy()[owners == image])
            ids.append(targets.class_ids.numpy()[owners == image])
        stop()
    classes = sorted({int(each) for some in ids for each in some})
    scores = [_class_ap50(found, boxes, ids, class_id) for class_id in classes]
    return float(np.mean(scores)) if scores else math.nan


def _class_ap50(
    found: Sequence[Detections], boxes: Sequence[FloatArray], ids: Sequence[np.ndarray], class_id: int
) -> float:
    objects = [some[each == class_id] for some, each in zip(boxes, ids, strict=True)]
    return measure_ap(objects, [_of_class(each, class_id) for each in found]).ap50


def _of_class(found: Detections, class_id: int) -> ClassBoxes:
    keep = found.class_ids == class_id
    return ClassBoxes(
        boxes_xyxy_px=found.boxes_xyxy_px[keep].float().numpy(), scores=found.scores[keep].float().numpy()
    )
