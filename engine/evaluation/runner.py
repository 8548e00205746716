# SPDX-License-Identifier: AGPL-3.0-only
"""Scores a patch beside its controls: same images, same detector, same placement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from engine.boxes import FloatArray
from engine.datasets.loader import Batch, ImageLoader
from engine.detectors.base import Detections, Detector
from engine.evaluation.average_precision import MAX_DETECTIONS
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.matching import ClassBoxes
from engine.evaluation.metrics import PatchMetrics
from engine.patch.render import compose
from engine.patch.threads import BatchThreads
from engine.patch.transforms import place
from engine.records import Evaluation, Scores

CONDITIONS = ("clean", "grey", "noise", "patch")
NMS_IOU = 0.7  # what Ultralytics validates with
LOWEST_SCORE = 0.001  # likewise: AP reads the curve down to here


class PatchJudge:
    """Scores any number of patches against one detector on the same images.

    What does not depend on the patch (the clean detections, the controls of its size) is computed once, so
    a run can have its patch validated every few iterations for one pass over the images.

    Args:
        detector: the detector.
        loader: gives the images.
        indices: which of the loader's images to score on, in this order.
        class_id: the class under attack.
        config: how to place and score.
        mask_hw: bool (h, w), which texels are drawn (a circular patch); patches must then be of this size.
        progress: called with the number of images after each batch; an evaluation passes over the images
            once for each of `CONDITIONS`.

    Raises:
        ValueError: `class_id` is none of the detector's.
    """

    def __init__(
        self,
        detector: Detector,
        loader: ImageLoader,
        indices: Sequence[int],
        *,
        class_id: int,
        config: EvaluationConfig | None = None,
        mask_hw: Tensor | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        if not 0 <= class_id < len(detector.class_names):
            raise ValueError(f"expected a class id of 0 to {len(detector.class_names) - 1}, got {class_id}")
        self.config = config or EvaluationConfig()
        self._detector = detector
        self._loader = loader
        size = self.config.batch_size
        self._plan = [list(indices[start : start + size]) for start in range(0, len(indices), size)]
        self._class_id = class_id
        self._mask_hw = mask_hw
        self._threads = BatchThreads(torch.get_num_threads() if detector.device.type == "cpu" else 1)
        self._progress = progress
        self._objects: list[FloatArray] = []
        self._clean: list[ClassBoxes] | None = None
        self._controls: dict[tuple[int, int], dict[str, PatchMetrics]] = {}

    def with_mask(self, mask_hw: Tensor | None) -> PatchJudge:
        """A judge of patches of another shape, bool (h, w) or None, that shares the clean detections."""
        self._clean_found()
        other = copy(self)
        other._mask_hw, other._controls = mask_hw, {}
        return other

    def score(self, patch_chw: Tensor, *, resamples: int = 0) -> Scores:
        """The scores of one patch, float (3, h, w), 0 to 1; without `resamples` its bounds are NaN."""
        return self.metrics(patch_chw).compute(resamples=resamples, seed=self.config.seed)

    def metrics(self, patch_chw: Tensor) -> PatchMetrics:
        """What was found image by image with one patch, float (3, h, w), 0 to 1."""
        self._require_patch(patch_chw)
        return self._metrics(self._found(patch_chw))

    def evaluate(self, patch_chw: Tensor) -> Evaluation:
        """The scores of one patch beside clean images, a grey patch and uniform noise of its size.

        Args:
            patch_chw: float (3, h, w), 0 to 1.

        Raises:
            ValueError: a patch of another form.
            DatasetError: an image cannot be read.
        """
        self._require_patch(patch_chw)
        controls, metrics = self.controls(patch_chw.shape[1], patch_chw.shape[2]), self.metrics(patch_chw)
        return Evaluation(
            patch=self.scores_of(metrics),
            controls={name: self.scores_of(each) for name, each in controls.items()},
            settings=self._settings(patch_chw),
            outcomes=metrics.outcomes([index for batch in self._plan for index in batch]),
            by_image=metrics.by_image(),
        )

    def _require_patch(self, patch_chw: Tensor) -> None:
        shape = tuple(patch_chw.shape)
        if len(shape) != 3 or shape[0] != 3 or not patch_chw.is_floating_point():
            raise ValueError(f"expected a patch of floats (3, h, w), got {patch_chw.dtype} {shape}")
        if self._mask_hw is not None and shape[1:] != tuple(self._mask_hw.shape):
            raise ValueError(
                f"expected a patch as large as its mask {tuple(self._mask_hw.shape)}, got {shape[1:]}"
            )

    def controls(self, height: int, width: int) -> dict[str, PatchMetrics]:
        """What was found on clean images, and with a grey patch and uniform noise of that size in texels."""
        size = (height, width)
        if size not in self._controls:
            generator = torch.Generator().manual_seed(self.config.seed)
            grey = torch.full((3, height, width), 0.5)
            noise = torch.rand((3, height, width), generator=generator)
            found = {"clean": self._clean_found(), "grey": self._found(grey), "noise": self._found(noise)}
            self._controls[size] = {name: self._metrics(boxes) for name, boxes in found.items()}
        return self._controls[size]

    def scores_of(self, metrics: PatchMetrics) -> Scores:
        """Scores with the intervals that the settings ask for."""
        return metrics.compute(resamples=self.config.resamples, seed=self.config.seed)

    def _metrics(self, found: list[ClassBoxes]) -> PatchMetrics:
        clean = self._clean_found()
        metrics = PatchMetrics(min_score=self.config.min_score, iou=self.config.iou)
        for objects, clean_boxes, boxes in zip(self._objects, clean, found, strict=True):
            metrics.update(objects_xyxy_px=objects, clean=clean_boxes, found=boxes)
        return metrics

    def _clean_found(self) -> list[ClassBoxes]:
        if self._clean is None:
            clean: list[ClassBoxes] = []
            self._objects = []
            for batch in self._loader.batches(self._plan):
                clean += self._detect(batch.images_nchw.float() / 255)
                targets = batch.targets.of_class(self._class_id).to(torch.device("cpu"))
                boxes, owners = targets.boxes_xyxy_px.numpy(), targets.image_index.numpy()
                self._objects += [boxes[owners == image] for image in range(targets.images)]
            self._clean = clean
        return self._clean

    def _found(self, patch_chw: Tensor) -> list[ClassBoxes]:
        """What the detector finds with the patch placed on each object of the class."""
        patch = patch_chw.detach().to(self._detector.device, torch.float32)
        # Seeded anew for each condition, so that all lie at the same places.
        generator = torch.Generator().manual_seed(self.config.seed)
        found: list[ClassBoxes] = []
        for batch in self._loader.batches(self._plan):
            found += self._detect(self._patched(batch, patch, generator))
        return found

    @torch.no_grad()
    def _patched(self, batch: Batch, patch_chw: Tensor, generator: torch.Generator) -> Tensor:
        height, width = batch.images_nchw.shape[2:]
        placements = place(
            batch.targets.of_class(self._class_id),
            canvas_hw=(height, width),
            aspect=patch_chw.shape[2] / patch_chw.shape[1],
            placement=self.config.placement,
            generator=generator,
        )
        return compose(batch.images_nchw.float() / 255, patch_chw, placements, self._mask_hw)

    def _detect(self, images_nchw: Tensor) -> list[ClassBoxes]:
        def part(first: int, last: int) -> list[Detections]:
            # All classes, though one is kept: they share the limit of detections, as Ultralytics' own do.
            return self._detector.detect(images_nchw[first:last], min_score=LOWEST_SCORE, iou=NMS_IOU)

        found = [each for some in self._threads.map(part, len(images_nchw)) for each in some]
        if self._progress is not None:
            self._progress(len(found))
        return [boxes_of_class(each, self._class_id) for each in found]

    def _settings(self, patch_chw: Tensor) -> dict[str, Any]:
        return {
            **asdict(self.config),
            "detector": self._detector.name,
            "class": self._detector.class_names[self._class_id],
            "images": len(self._objects),
            "objects": sum(len(each) for each in self._objects),
            "patch_size": list(patch_chw.shape[1:]),
            "masked": self._mask_hw is not None,
            "nms_iou": NMS_IOU,
            "lowest_score": LOWEST_SCORE,
            "max_detections": MAX_DETECTIONS,
        }


def boxes_of_class(found: Detections, class_id: int) -> ClassBoxes:
    """The detections of one class in an image, as the judge counts them."""
    keep = found.class_ids == class_id
    return ClassBoxes(
        boxes_xyxy_px=found.boxes_xyxy_px[keep].float().numpy(), scores=found.scores[keep].float().numpy()
    )
