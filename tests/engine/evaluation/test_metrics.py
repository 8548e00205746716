# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import json
import math

import pytest

from engine.errors import SettingsError
from engine.evaluation.matching import ClassBoxes
from engine.evaluation.metrics import PatchMetrics
from engine.records import Scores
from tests.engine.evaluation.factories import boxes, detections, random_images

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


def test_intervals_hold_the_value_and_follow_the_seed() -> None:
    objects, clean = random_images(1, images=20)
    _, found = random_images(1, images=20)
    images = [(o, c, f.at_least(0.5)) for o, c, f in zip(objects, clean, found, strict=True)]
    scores = scored(images, resamples=200)
    assert scores == scored(images, resamples=200)
    for name, interval in vars(scores).items():
        assert interval.low <= interval.value <= interval.high, name
    assert scores.asr.low < scores.asr.high


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
