# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.evaluation.matching import ClassBoxes
from engine.evaluation.metrics import PatchMetrics
from engine.records import Scores
from tests.engine.evaluation.factories import boxes, detections, random_detections, random_images

BOX, OTHER, FAR = [0, 0, 10, 10], [20, 20, 40, 40], [60, 60, 90, 90]
NONE = detections([], [])
BOTH = detections([BOX, OTHER], [0.9, 0.8])


def scored(
    images: list[tuple[list, ClassBoxes, ClassBoxes]], resamples: int = 0, **settings: float
) -> Scores:
    metrics = PatchMetrics(**settings)
    for objects, clean, found in images:
        metrics.update(objects_xyxy_px=boxes(objects), clean=clean, found=found)
    return metrics.compute(resamples=resamples)


@pytest.mark.parametrize(
    ("images", "asr", "disappearance", "hallucinations"),
    [
        ([], math.nan, math.nan, math.nan),
        ([([], NONE, NONE)], math.nan, math.nan, 0.0),
        ([([], NONE, detections([BOX], [0.5]))], math.nan, math.nan, 1.0),
        ([([BOX], NONE, NONE)], math.nan, 1.0, 0.0),  # what was not detected clean cannot be lost
        ([([BOX], NONE, BOTH)], math.nan, 0.0, 1.0),
        ([([BOX, OTHER], BOTH, BOTH)], 0.0, 0.0, 0.0),
        ([([BOX, OTHER], BOTH, NONE)], 1.0, 1.0, 0.0),
        ([([BOX, OTHER], BOTH, detections([BOX, OTHER], [0.9, 0.24]))], 0.5, 0.5, 0.0),
        ([([BOX, OTHER], BOTH, detections([OTHER, FAR], [0.9, 0.25]))], 0.5, 0.5, 1.0),
        # Two objects under one prediction: one to one, one is lost; by overlap, neither disappears.
        ([([BOX, BOX], detections([BOX, BOX], [0.9, 0.8]), detections([BOX], [0.9]))], 0.5, 0.0, 0.0),
        # Gained detections do not make up for lost ones.
        (
            [([BOX], detections([BOX], [0.9]), NONE), ([OTHER], NONE, detections([OTHER], [0.9]))],
            1.0,
            0.5,
            0.0,
        ),
    ],
)
def test_rates(images: list, asr: float, disappearance: float, hallucinations: float) -> None:
    scores = scored(images)
    rates = (scores.asr.value, scores.disappearance.value, scores.hallucinations_per_image.value)
    assert rates == pytest.approx((asr, disappearance, hallucinations), nan_ok=True)


def test_what_became_of_each_object() -> None:
    metrics = PatchMetrics()
    assert metrics.outcomes([]) == ()
    found = detections([OTHER, FAR, BOX], [0.9, 0.5, 0.125])
    metrics.update(objects_xyxy_px=boxes([BOX, OTHER, [0, 50, 9, 59]]), clean=BOTH, found=found)
    metrics.update(objects_xyxy_px=boxes([]), clean=detections([FAR], [0.5]), found=detections([FAR], [0.75]))
    first, second = metrics.outcomes([7, 3])
    assert (first.image, first.clean, first.patched) == (7, (0.9, 0.8, None), (0.125, 0.9, None))
    assert (first.appeared, second.image, second.appeared) == (1, 3, 0)  # FAR was there without it


@pytest.mark.parametrize(
    ("images", "retained"),
    [
        ([], math.nan),
        ([([], NONE, BOTH)], math.nan),
        ([([BOX], NONE, BOTH)], math.nan),  # what was not detected clean has no confidence to retain
        ([([BOX], detections([BOX], [0.24]), BOTH)], math.nan),
        ([([BOX, OTHER], BOTH, BOTH)], 1.0),
        ([([BOX, OTHER], BOTH, NONE)], 0.0),
        ([([BOX, OTHER], BOTH, detections([FAR], [0.9]))], 0.0),
        ([([BOX], detections([BOX], [0.5]), detections([BOX], [0.9]))], 1.0),  # a gain makes up for no loss
        ([([BOX], BOTH, detections([BOX], [0.009]))], 0.01),  # below the score from which detections count
        ([([BOX, OTHER], BOTH, detections([OTHER, BOX], [0.6, 0.225]))], (0.225 / 0.9 + 0.6 / 0.8) / 2),
        ([([BOX, OTHER], detections([BOX, OTHER], [0.9, 0.2]), detections([OTHER], [0.9]))], 0.0),
        # Two objects under one prediction: one to one, so the other keeps nothing.
        ([([BOX, BOX], detections([BOX, BOX], [0.9, 0.8]), detections([BOX], [0.45]))], 0.25),
        ([([BOX], BOTH, detections([[0, 0, 10, 4]], [0.9]))], 0.0),  # overlaps by less than the IoU
        # Mean over objects, whichever image they are in.
        ([([BOX, OTHER], BOTH, NONE), ([BOX], BOTH, BOTH)], 1 / 3),
    ],
)
def test_confidence_retained(images: list, retained: float) -> None:
    assert scored(images).confidence_retained.value == pytest.approx(retained, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_detections_below_the_minimum_score_change_no_rate(seed: int) -> None:
    objects, clean = random_images(seed, images=20)
    rng = np.random.default_rng(seed)
    found = [random_detections(rng, each, extra=4) for each in objects]
    trusted = [[each.at_least(0.4) for each in side] for side in (clean, found)]
    of_all = scored(list(zip(objects, clean, found, strict=True)), min_score=0.4)
    of_trusted = scored(list(zip(objects, *trusted, strict=True)), min_score=0.4)
    for rate in ("asr", "disappearance", "hallucinations_per_image"):
        assert getattr(of_all, rate).value == getattr(of_trusted, rate).value > 0, rate
    assert of_all.confidence_retained.value > of_trusted.confidence_retained.value


def test_sums_by_image_are_those_that_the_rates_are_made_of() -> None:
    assert PatchMetrics().by_image() == {"found": [], "lost": [], "kept": []}
    metrics = PatchMetrics()
    for found in (detections([OTHER, BOX], [0.6, 0.225]), BOTH):
        metrics.update(objects_xyxy_px=boxes([BOX, OTHER]), clean=BOTH, found=found)
    sums = metrics.by_image()
    assert (sums["found"], sums["lost"], sums["kept"]) == ([2, 2], [1, 0], [1.0, 2.0])
    assert sum(sums["lost"]) / sum(sums["found"]) == metrics.compute(resamples=0).asr.value


def test_relative_ap_takes_the_clean_detections_for_labels() -> None:
    clean = detections([BOX, FAR], [0.9, 0.2])  # FAR is below the score that makes a label
    scores = scored([([BOX, OTHER], clean, clean)])
    assert scores.ap50.value == pytest.approx(51 / 101)
    assert scores.relative_ap50.value == pytest.approx(1.0)
    assert scores.relative_ap50_95.value == pytest.approx(1.0)
    assert math.isnan(scored([([BOX], NONE, BOTH)]).relative_ap50.value)


def test_the_settings_matter() -> None:
    half = [[0, 0, 10, 6]]
    images = [([BOX], detections(half, [0.3]), detections(half, [0.2]))]
    assert scored(images).asr.value == 1.0
    assert scored(images, min_score=0.1).asr.value == 0.0
    assert math.isnan(scored(images, iou=0.7).asr.value)


def test_a_score_counts_in_its_own_precision() -> None:
    """0.7 as float32 is less than 0.7, yet a detection of that score counts."""
    found = ClassBoxes(boxes_xyxy_px=boxes([BOX]), scores=np.array([0.7], dtype=np.float32))
    scores = scored([([BOX], found, found)], min_score=0.7)
    assert (scores.asr.value, scores.disappearance.value, scores.confidence_retained.value) == (0.0, 0.0, 1.0)


def test_intervals_hold_the_value_and_follow_the_seed() -> None:
    objects, clean = random_images(1, images=20)
    _, found = random_images(1, images=20)
    images = [(o, c, f.at_least(0.5)) for o, c, f in zip(objects, clean, found, strict=True)]
    scores = scored(images, resamples=200)
    assert scores == scored(images, resamples=200)
    for name, interval in vars(scores).items():
        assert interval.low <= interval.value <= interval.high, name
    assert scores.asr.low < scores.asr.high


def metrics_of(seed: int, images: int) -> PatchMetrics:
    objects, clean = random_images(seed, images)
    _, found = random_images(seed, images)
    metrics = PatchMetrics()
    for image in zip(objects, clean, [each.at_least(0.5) for each in found], strict=True):
        metrics.update(objects_xyxy_px=image[0], clean=image[1], found=image[2])
    return metrics


@pytest.mark.parametrize(
    ("images", "detected"),
    [
        ([], 0),
        ([([BOX], NONE, BOTH)], 0),
        ([([BOX, OTHER], BOTH, NONE)], 2),
        ([([BOX], detections([BOX], [0.24]), BOTH), ([OTHER, FAR], BOTH, NONE)], 1),
    ],
)
def test_objects_that_are_detected_on_clean_images(images: list, detected: int) -> None:
    metrics = PatchMetrics()
    for objects, clean, found in images:
        metrics.update(objects_xyxy_px=boxes(objects), clean=clean, found=found)
    assert metrics.detected == detected


def test_metrics_of_some_images_are_those_of_these_alone() -> None:
    images = [([BOX], BOTH, NONE), ([OTHER], BOTH, BOTH), ([BOX, OTHER], BOTH, NONE)]
    metrics = PatchMetrics(min_score=0.1, iou=0.4)
    for objects, clean, found in images:
        metrics.update(objects_xyxy_px=boxes(objects), clean=clean, found=found)
    some = metrics.of_images([1, 0])
    assert repr(some.compute(resamples=0)) == repr(scored(images[:2], min_score=0.1, iou=0.4))
    assert (some.min_score, some.iou) == (0.1, 0.4)
    assert math.isnan(metrics.of_images([]).compute(resamples=0).asr.value)
    assert metrics.detected == 4  # and the whole is as it was


def test_resampled_scores_give_the_intervals_of_the_scores() -> None:
    metrics = metrics_of(1, images=20)
    scores = metrics.compute(resamples=200)
    found = metrics.resampled(resamples=200)
    assert set(found) == {"confidence_retained", "asr", "ap50"}
    for name, (value, samples) in found.items():
        interval = getattr(scores, name)
        assert samples.shape == (200,)
        assert value == interval.value
        assert np.percentile(samples, [2.5, 97.5]) == pytest.approx([interval.low, interval.high])


def test_resamples_of_equal_seeds_draw_the_same_images() -> None:
    """What both conditions lose in the same images is lost from their difference."""
    first, second = metrics_of(1, images=20), metrics_of(1, images=20)
    one, other, third = (
        each.resampled(resamples=50, seed=seed)["asr"][1]
        for each, seed in ((first, 0), (second, 0), (second, 1))
    )
    assert (one == other).all()
    assert (one != third).any()


def test_without_images_resamples_are_undefined() -> None:
    for value, samples in PatchMetrics().resampled(resamples=3).values():
        assert math.isnan(value)
        assert np.isnan(samples).all()


def test_without_resamples_there_are_no_bounds() -> None:
    scores = scored([([BOX], BOTH, NONE)])
    assert scores.asr.value == 1.0
    assert math.isnan(scores.asr.low)
    assert math.isnan(scores.ap50.high)


def test_json_holds_null_for_what_is_undefined() -> None:
    written = json.dumps(scored([([], NONE, NONE)]).to_json(), allow_nan=False)
    read = json.loads(written)
    assert read["asr"] is None
    assert read["hallucinations_per_image"] == 0.0
    assert read["ci95"]["asr"] == [None, None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_score": 1.5}, "min_score: expected 0 to 1, got 1.5"),
        ({"iou": 0.0}, "iou: expected 0.01 to 1, got 0"),
    ],
)
def test_impossible_settings(settings: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PatchMetrics(**settings)
