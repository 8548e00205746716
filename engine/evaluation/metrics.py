# SPDX-License-Identifier: AGPL-3.0-only
"""Scores of one condition (a patch or a control), gathered image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.boxes import FloatArray
from engine.evaluation.average_precision import measure_ap
from engine.evaluation.bootstrap import IntArray, interval, ratio_samples, resample_counts, total_ratio
from engine.evaluation.matching import ClassBoxes, match_greedy, uncovered_objects, unfounded_boxes
from engine.records import ImageOutcome, Interval, Scores
from engine.settings import require_between


class PatchMetrics:
    """How much of what a detector finds on clean images it still finds under one condition.

    - **ap50, ap50_95**: COCO's average precision of the class against the dataset's objects (*absolute*).
    - **relative_ap50, relative_ap50_95**: the same against the detector's own clean detections with score
      ≥ `min_score` (as T-SEA, Huang et al., CVPR 2023, section 4, labels its images).
    - **asr**: of the objects detected on the clean image, the share no longer detected. Detected: matched
      one to one with a detection of score ≥ `min_score` at IoU ≥ `iou`.
    - **confidence_retained**: mean over the same objects of the score of the detection matched likewise,
      however low (0 where there is none), over the clean one's, at most 1; 1 minus the "average drop" of
      Grad-CAM++ (Chattopadhay et al., WACV 2018), with objects in place of images.
    - **disappearance**: the share of objects that no prediction of score ≥ `min_score` overlaps by `iou`.
    - **hallucinations_per_image**: such predictions that overlap no object by `iou`, mean over images.

    A figure without a denominator (no image, no object, none detected) is NaN.
    """

    def __init__(self, *, min_score: float = 0.25, iou: float = 0.5) -> None:
        require_between("min_score", min_score, 0, 1)
        require_between("iou", iou, 0.01, 1)
        self.min_score = min_score
        self.iou = iou
        self._objects: list[FloatArray] = []
        self._clean: list[ClassBoxes] = []
        self._found: list[ClassBoxes] = []

    def update(self, *, objects_xyxy_px: FloatArray, clean: ClassBoxes, found: ClassBoxes) -> None:
        """Add one image: the dataset's objects (g, 4), the detections when clean, and under the condition.

        Detections are all those of the class, from the lowest score on: AP needs the whole curve.
        """
        self._objects.append(objects_xyxy_px)
        self._clean.append(clean)
        self._found.append(found)

    def of_images(self, indices: Sequence[int]) -> PatchMetrics:
        """The metrics of some of the images, by their numbers in the order of `update`."""
        some = PatchMetrics(min_score=self.min_score, iou=self.iou)
        for index in indices:
            some.update(
                objects_xyxy_px=self._objects[index], clean=self._clean[index], found=self._found[index]
            )
        return some

    def outcomes(self, images: Sequence[int]) -> tuple[ImageOutcome, ...]:
        """What became of each object; `images` are numbers for the images, in the order of `update`."""
        each = zip(images, self._objects, self._clean, self._found, strict=True)
        return tuple(self._outcome(*one) for one in each)

    def _outcome(self, image: int, objects: FloatArray, clean: ClassBoxes, found: ClassBoxes) -> ImageOutcome:
        before, after = (
            tuple(None if np.isnan(score) else score for score in scores.tolist())
            for scores in (_matched_scores(objects, each, iou=self.iou) for each in (clean, found))
        )
        known = np.concatenate([objects, clean.at_least(self.min_score).boxes_xyxy_px])
        appeared = unfounded_boxes(known, found.at_least(self.min_score).boxes_xyxy_px, iou=self.iou)
        return ImageOutcome(image=image, clean=before, patched=after, appeared=int(appeared.sum()))

    @property
    def detected(self) -> int:
        """Number of objects that are detected on the clean images."""
        return int(self._sums()[1].sum())

    def by_image(self) -> dict[str, list[float]]:
        """What ASR and retained confidence are made of, a figure for each image, in order.

        `found` objects on the clean image, those of them that are `lost`, and the sum of the shares of their
        scores that are `kept`, to four digits. Two patches can be compared on the same images by these.
        """
        _objects, found, lost, kept, _uncovered, _unfounded = self._sums()
        return {
            "found": [int(each) for each in found],
            "lost": [int(each) for each in lost],
            "kept": [round(float(each), 4) for each in kept],
        }

    def resampled(self, *, resamples: int, seed: int = 0) -> dict[str, tuple[float, FloatArray]]:
        """Score → its value, and its value in each resample of the images, (resamples,).

        Equal numbers of images and equal seeds give the same resamples, which pairs conditions.
        """
        counts = resample_counts(len(self._objects), resamples=resamples, seed=seed)
        _objects, detected, lost, retained, _uncovered, _unfounded = self._sums()
        ap = measure_ap(self._objects, self._found)
        return {
            "confidence_retained": _ratio_samples(retained, detected, counts),
            "asr": _ratio_samples(lost, detected, counts),
            "ap50": (ap.ap50, ap.resampled(counts)[:, 0]),
        }

    def compute(self, *, resamples: int = 1000, seed: int = 0) -> Scores:
        """The scores with 95% bootstrap intervals over images; with `resamples` 0 the bounds are NaN."""
        counts = resample_counts(len(self._objects), resamples=resamples, seed=seed)
        ap50, ap50_95 = self._average_precision(self._objects, counts)
        trusted = [image.at_least(self.min_score).boxes_xyxy_px for image in self._clean]
        relative_ap50, relative_ap50_95 = self._average_precision(trusted, counts)
        objects, detected, lost, retained, uncovered, unfounded = self._sums()
        return Scores(
            ap50=ap50,
            ap50_95=ap50_95,
            relative_ap50=relative_ap50,
            relative_ap50_95=relative_ap50_95,
            asr=_ratio(lost, detected, counts),
            confidence_retained=_ratio(retained, detected, counts),
            disappearance=_ratio(uncovered, objects, counts),
            hallucinations_per_image=_ratio(unfounded, np.ones_like(unfounded), counts),
        )

    def _average_precision(self, labels: list[FloatArray], counts: IntArray) -> tuple[Interval, Interval]:
        measured = measure_ap(labels, self._found)
        samples = measured.resampled(counts)
        return interval(measured.ap50, samples[:, 0]), interval(measured.ap50_95, samples[:, 1])

    def _sums(self) -> FloatArray:
        """Objects, detected clean, of these lost and retained; uncovered, unfounded: (6, n), by image."""
        images = zip(self._objects, self._clean, self._found, strict=True)
        return np.array([self._sum(*image) for image in images], dtype=np.float64).reshape(-1, 6).T

    def _sum(self, objects: FloatArray, clean: ClassBoxes, found: ClassBoxes) -> tuple[float, ...]:
        before, after = (_matched_scores(objects, each, iou=self.iou) for each in (clean, found))
        detected = before >= self.min_score
        lost = detected & ~(after >= self.min_score)
        retained = np.nan_to_num(after[detected] / before[detected]).clip(max=1)
        boxes = found.at_least(self.min_score).boxes_xyxy_px
        uncovered = uncovered_objects(objects, boxes, iou=self.iou)
        unfounded = unfounded_boxes(objects, boxes, iou=self.iou)
        return len(objects), *(float(each.sum()) for each in (detected, lost, retained, uncovered, unfounded))


def _matched_scores(objects_xyxy_px: FloatArray, found: ClassBoxes, *, iou: float) -> FloatArray:
    """The score of the detection matched to each object, (g,), NaN where there is none.

    The best choose first: leaving out all detections below some score changes no match above it.
    """
    nothing = np.array(np.nan, dtype=found.scores.dtype)
    return np.append(found.scores, nothing)[match_greedy(objects_xyxy_px, found.boxes_xyxy_px, iou=iou)]


def _ratio(numerators: FloatArray, denominators: FloatArray, counts: IntArray) -> Interval:
    return interval(*_ratio_samples(numerators, denominators, counts))


def _ratio_samples(
    numerators: FloatArray, denominators: FloatArray, counts: IntArray
) -> tuple[float, FloatArray]:
    return total_ratio(numerators, denominators), ratio_samples(numerators, denominators, counts)
