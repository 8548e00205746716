# SPDX-License-Identifier: AGPL-3.0-only
"""AP50 of a detector without any patch: the mean over classes, by the judge of patches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from engine.boxes import FloatArray
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detections, Detector
from engine.evaluation.average_precision import AveragePrecision, measure_ap
from engine.evaluation.runner import LOWEST_SCORE, NMS_IOU, boxes_of_class

BATCH = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Detected:
    """What a detector found in images, and what there is to find.

    Attributes:
        found: the detections of each image.
        boxes_xyxy_px: (g, 4) for each image, its objects, in pixels of the detector's input.
        class_ids: int64 (g,) for each image.
    """

    found: Sequence[Detections]
    boxes_xyxy_px: Sequence[FloatArray]
    class_ids: Sequence[npt.NDArray[np.int64]]

    @property
    def classes(self) -> list[int]:
        """The ids of the classes that have objects."""
        return sorted({int(each) for some in self.class_ids for each in some})

    def ap(self, class_id: int) -> AveragePrecision:
        """The average precision of one class."""
        pairs = zip(self.boxes_xyxy_px, self.class_ids, strict=True)
        objects = [boxes[ids == class_id] for boxes, ids in pairs]
        return measure_ap(objects, [boxes_of_class(each, class_id) for each in self.found])


def detector_ap50(
    detector: Detector,
    loader: ImageLoader,
    indices: Sequence[int],
    *,
    stop: Callable[[], object] = lambda: None,
) -> float:
    """The detector's AP50 on images, 0 to 1: the mean over the classes that have objects there.

    Returns:
        NaN if no image has an object. See `detect_all` for arguments and errors.
    """
    detected = detect_all(detector, loader, indices, stop=stop)
    scores = [detected.ap(class_id).ap50 for class_id in detected.classes]
    return float(np.mean(scores)) if scores else math.nan


def detect_all(
    detector: Detector,
    loader: ImageLoader,
    indices: Sequence[int],
    *,
    stop: Callable[[], object] = lambda: None,
) -> Detected:
    """Detect on images without a patch.

    Args:
        detector: the detector.
        loader: gives the images, with boxes under the detector's class ids.
        indices: which of the loader's images to score on.
        stop: called after each batch; may raise.

    Raises:
        DatasetError: an image cannot be read.
    """
    found: list[Detections] = []
    boxes: list[FloatArray] = []
    ids: list[npt.NDArray[np.int64]] = []
    for batch in loader.batches([indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]):
        images = batch.images_nchw.float() / 255
        found += detector.detect(images, min_score=LOWEST_SCORE, iou=NMS_IOU)
        targets = batch.targets.to(torch.device("cpu"))
        owners = targets.image_index.numpy()
        boxes += [targets.boxes_xyxy_px.numpy()[owners == image] for image in range(targets.images)]
        ids += [targets.class_ids.numpy()[owners == image] for image in range(targets.images)]
        stop()
    return Detected(found=found, boxes_xyxy_px=boxes, class_ids=ids)
