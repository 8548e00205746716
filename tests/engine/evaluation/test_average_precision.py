# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import math

import numpy as np
import pytest

from engine.evaluation.average_precision import AveragePrecision, measure_ap
from engine.evaluation.bootstrap import resample_counts
from tests.engine.evaluation.factories import boxes, detections, random_images

BOX, OTHER, FAR = [0, 0, 10, 10], [20, 20, 40, 40], [60, 60, 90, 90]
NEAR = [0, 0, 10, 7.4]  # IoU 0.74 with BOX: counts at 0.50, 0.55 … 0.70, five of ten thresholds
NONE = detections([], [])


@pytest.mark.parametrize(
    ("objects", "found", "ap50", "ap50_95"),
    [
        ([], [], math.nan, math.nan),
        ([[]], [NONE], math.nan, math.nan),
        ([[]], [detections([BOX], [0.9])], math.nan, math.nan),
        ([[BOX]], [NONE], 0.0, 0.0),
        ([[BOX]], [detections([FAR], [0.9])], 0.0, 0.0),
        ([[BOX]], [detections([BOX], [0.9])], 1.0, 1.0),
        ([[BOX]], [detections([NEAR], [0.9])], 1.0, 0.5),
        ([[BOX]], [detections([FAR, BOX], [0.9, 0.5])], 0.5, 0.5),
        ([[BOX]], [detections([BOX, FAR], [0.9, 0.5])], 1.0, 1.0),
        (
            [[BOX]],
            [detections([BOX, BOX], [0.9, 0.5])],
            1.0,
            1.0,
        ),  # a duplicate after the match costs nothing
        ([[BOX, OTHER]], [detections([BOX], [0.9])], 51 / 101, 51 / 101),  # recalls 0.00 … 0.50
        ([[BOX, OTHER]], [detections([BOX, FAR, OTHER], [0.9, 0.8, 0.7])], (51 + 50 * 2 / 3) / 101, None),
        ([[BOX], []], [detections([BOX], [0.5]), detections([BOX], [0.9])], 0.5, 0.5),
        ([[BOX]], [detections([FAR] * 100 + [BOX], [0.9] * 100 + [0.1])], 0.0, 0.0),  # the 101st is not read
    ],
)
def test_hand_made_cases(objects: list, found: list, ap50: float, ap50_95: float | None) -> None:
    measured = measure_ap([boxes(each) for each in objects], found)
    assert measured.ap50 == pytest.approx(ap50, nan_ok=True)
    if ap50_95 is not None:
        assert measured.ap50_95 == pytest.approx(ap50_95, nan_ok=True)
    again = measured.resampled(np.ones((1, len(objects)), dtype=np.int64))
    assert again[0] == pytest.approx([measured.ap50, measured.ap50_95], nan_ok=True)


@pytest.mark.parametrize("seed", range(5))
def test_resampled_equals_the_library_on_the_images_drawn(seed: int) -> None:
    objects, found = random_images(seed, images=8)
    counts = resample_counts(8, resamples=12, seed=seed)
    resampled = measure_ap(objects, found).resampled(counts)
    for row, sample in zip(counts, resampled, strict=True):
        drawn = np.repeat(np.arange(8), row)
        library = measure_ap([objects[i] for i in drawn], [found[i] for i in drawn])
        assert sample == pytest.approx([library.ap50, library.ap50_95], abs=1e-12, nan_ok=True)


def test_a_resample_without_objects_is_undefined() -> None:
    measured = measure_ap([boxes([BOX]), boxes([])], [detections([BOX], [0.9]), NONE])
    assert measured.resampled(np.array([[0, 2], [2, 0]])) == pytest.approx(
        np.array([[math.nan] * 2, [1.0] * 2]), nan_ok=True
    )


def test_blocks_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = measure_ap(*random_images(3, images=6))
    counts = resample_counts(6, resamples=30, seed=0)
    whole = measured.resampled(counts)
    monkeypatch.setattr("engine.evaluation.average_precision.BLOCK_ENTRIES", 50)
    assert measured.resampled(counts) == pytest.approx(whole, abs=1e-12, nan_ok=True)


def test_says_nothing_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(measure_ap(*random_images(0, images=3)), AveragePrecision)
    assert capsys.readouterr().out == ""


def test_images_without_detections_are_named() -> None:
    with pytest.raises(ValueError, match="expected detections of 1 images, got 0"):
        measure_ap([boxes([BOX])], [])
