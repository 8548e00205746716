# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from engine.config import PlacementConfig
from engine.datasets.loader import ImageLoader
from engine.datasets.sources import read_dataset
from engine.detectors.base import Detections, Detector
from engine.detectors.loading import load_detector
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import CONDITIONS, PatchJudge
from engine.patch.render import circle_mask
from engine.records import Evaluation, ImageRecord
from tests.fakes import FakeDetector

SIZE = 64
COVERING = EvaluationConfig(
    placement=PlacementConfig(scale=0.6, rise=0), min_score=0.5, resamples=50, batch_size=2
)
BOXES = [[[8, 8, 28, 28], [36, 36, 60, 60]], [], [[20, 20, 44, 44]]]


class BrightnessDetector(FakeDetector):
    """Finds every box of the test's images, with the mean brightness inside it for a score."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def detect(self, images_nchw: Tensor, **settings: float) -> list[Detections]:
        self.passes += len(images_nchw)
        return [self._detect(image, settings["min_score"]) for image in images_nchw]

    def _detect(self, image: Tensor, min_score: float) -> Detections:
        # The images are told apart by the value of their first pixel.
        boxes = torch.tensor(BOXES[round(float(image[0, 0, 0]) * 255)], dtype=torch.float32).reshape(-1, 4)
        scores = torch.tensor([float(image[:, y1:y2, x1:x2].mean()) for x1, y1, x2, y2 in boxes.int()])
        order = scores.argsort(descending=True)[: int((scores >= min_score).sum())]
        return Detections(
            boxes_xyxy_px=boxes[order],
            scores=scores[order],
            class_ids=torch.zeros(len(order), dtype=torch.int64),
        )


@pytest.fixture
def loader(tmp_path: Path) -> ImageLoader:
    records = []
    for index, boxes in enumerate(BOXES):
        pixels = np.full((SIZE, SIZE, 3), index, dtype=np.uint8)
        for x1, y1, x2, y2 in boxes:
            pixels[y1:y2, x1:x2] = 255
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), pixels)
        corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
        record = ImageRecord(
            path=str(path),
            width=SIZE,
            height=SIZE,
            boxes_xyxy_px=corners,
            class_ids=np.zeros(len(boxes), np.int64),
        )
        records.append(record)
    return ImageLoader(records, image_size=SIZE, prefetch=0, device=torch.device("cpu"))


def solid(value: float, height: int = 16, width: int = 16) -> Tensor:
    return torch.full((3, height, width), float(value))


def evaluated(
    detector: Detector,
    loader: ImageLoader,
    indices: Sequence[int],
    patch_chw: Tensor,
    **settings: Any,
) -> Evaluation:
    return PatchJudge(detector, loader, indices, **settings).evaluate(patch_chw)


def test_no_images(loader: ImageLoader) -> None:
    evaluation = evaluated(BrightnessDetector(), loader, [], solid(0), class_id=0, config=COVERING)
    assert math.isnan(evaluation.patch.ap50.value)
    assert evaluation.settings["images"] == 0
    assert json.loads(json.dumps(evaluation.to_json(), allow_nan=False))["patch"]["asr"] is None


def test_a_dark_patch_hides_what_its_controls_leave(loader: ImageLoader) -> None:
    evaluation = evaluated(BrightnessDetector(), loader, [0, 1, 2], solid(0), class_id=0, config=COVERING)
    assert set(evaluation.controls) | {"patch"} == set(CONDITIONS)
    for name, control in evaluation.controls.items():
        values = (control.asr.value, control.disappearance.value, control.relative_ap50.value)
        assert values == (0.0, 0.0, pytest.approx(1.0)), name
    assert evaluation.controls["clean"].confidence_retained.value == 1.0
    # The boxes are found with too low a score: lost for ASR, still there for AP, which reads all scores.
    assert evaluation.patch.asr.value == 1.0
    assert evaluation.patch.disappearance.value == 1.0
    assert evaluation.patch.ap50.value == pytest.approx(1.0)
    # The patch's side is 0.6 of the diagonal of a square box: 0.72 of its area is dark, less along the edges.
    assert evaluation.patch.confidence_retained.value == pytest.approx(0.3, abs=0.03)
    assert (evaluation.patch.asr.low, evaluation.patch.asr.high) == (1.0, 1.0)


def test_settings_name_what_the_figures_came_from(loader: ImageLoader) -> None:
    config = COVERING
    settings = evaluated(
        BrightnessDetector(), loader, [0, 2], solid(0, 8, 12), class_id=0, config=config
    ).settings
    assert settings["placement"] == {"kind": "object", "scale": 0.6, "rise": 0, "position": (0.5, 0.5)}
    named = ("class", "images", "objects", "patch_size", "min_score", "seed", "resamples")
    assert [settings[name] for name in named] == ["person", 2, 3, [8, 12], 0.5, 0, 50]


def test_only_objects_of_the_class_count(loader: ImageLoader) -> None:
    evaluation = evaluated(BrightnessDetector(), loader, [0, 2], solid(0), class_id=1, config=COVERING)
    assert evaluation.settings["objects"] == 0
    assert math.isnan(evaluation.patch.disappearance.value)


def test_the_clean_images_and_the_controls_are_passed_over_once(loader: ImageLoader) -> None:
    detector, seen = BrightnessDetector(), []
    judge = PatchJudge(detector, loader, [0, 1, 2], class_id=0, config=COVERING, progress=seen.append)
    first = judge.score(solid(0))
    assert detector.passes == 2 * 3
    assert math.isnan(first.asr.low)
    judge.score(solid(1))
    assert detector.passes == 3 * 3
    whole = judge.evaluate(solid(0))
    assert detector.passes == 6 * 3  # grey, noise, patch
    assert judge.evaluate(solid(0)) == whole
    assert detector.passes == 7 * 3
    assert sum(seen) == detector.passes
    assert whole.patch.asr.value == first.asr.value


def test_metrics_and_controls_are_what_an_evaluation_scores(loader: ImageLoader) -> None:
    judge = PatchJudge(BrightnessDetector(), loader, [0, 1, 2], class_id=0, config=COVERING)
    evaluation = judge.evaluate(solid(0))
    assert judge.scores_of(judge.metrics(solid(0))) == evaluation.patch
    controls = judge.controls(16, 16)
    assert {name: judge.scores_of(each) for name, each in controls.items()} == evaluation.controls
    assert judge.controls(16, 16) is controls
    assert judge.metrics(solid(0)).detected == controls["clean"].detected == 3
    with pytest.raises(ValueError, match="expected a patch of floats"):
        judge.metrics(torch.zeros(16, 16))


def test_a_circular_patch_leaves_the_corners(loader: ImageLoader) -> None:
    config = EvaluationConfig(placement=PlacementConfig(scale=0.6, rise=0), min_score=0.4, resamples=0)
    detector, indices = BrightnessDetector(), [0, 1, 2]
    square = evaluated(detector, loader, indices, solid(0), class_id=0, config=config)
    mask = circle_mask(16, 16)
    circle = evaluated(detector, loader, indices, solid(0), class_id=0, config=config, mask_hw=mask)
    assert square.patch.asr.value == 1.0
    assert circle.patch.asr.value == 0.0
    assert circle.settings["masked"]
    with pytest.raises(ValueError, match=r"expected a patch as large as its mask \(16, 16\), got \(8, 8\)"):
        evaluated(detector, loader, indices, solid(0, 8, 8), class_id=0, mask_hw=mask)


def test_judges_of_several_shapes_share_the_clean_images(loader: ImageLoader) -> None:
    detector, indices = BrightnessDetector(), [0, 1, 2]
    judge = PatchJudge(detector, loader, indices, class_id=0, config=COVERING)
    circle, square = judge.with_mask(circle_mask(16, 16)), judge.with_mask(None)
    found = [circle.evaluate(solid(0)), square.evaluate(solid(0))]
    assert detector.passes == (1 + 3 + 3) * 3
    how: dict[str, Any] = {"class_id": 0, "config": COVERING}
    assert found[0] == evaluated(detector, loader, indices, solid(0), mask_hw=circle_mask(16, 16), **how)
    assert found[1] == evaluated(detector, loader, indices, solid(0), **how)


@pytest.mark.parametrize("kind", ["random", "fixed"])
def test_other_placements_repeat_with_the_seed(loader: ImageLoader, kind: str) -> None:
    placement = PlacementConfig(kind=kind, scale=0.5)
    config = EvaluationConfig(placement=placement, min_score=0.5, resamples=20, seed=5)
    runs = [
        evaluated(FakeDetector(), loader, [0, 1, 2], solid(0), class_id=0, config=config) for _ in range(2)
    ]
    assert runs[0].to_json() == runs[1].to_json()


def test_the_batch_size_changes_no_figure(loader: ImageLoader) -> None:
    patch = torch.rand(3, 9, 13, generator=torch.Generator().manual_seed(1))
    scores = []
    for batch_size in (1, 3):
        config = EvaluationConfig(min_score=0.01, iou=0.1, batch_size=batch_size, resamples=0)
        judge = PatchJudge(FakeDetector(seed=1), loader, [0, 1, 2], class_id=0, config=config)
        scores.append([interval.value for interval in vars(judge.score(patch)).values()])
    assert scores[0][-1] > 0
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (torch.zeros(16, 16), "expected a patch of floats"),
        (torch.zeros(1, 16, 16), "expected a patch of floats"),
        (torch.zeros(3, 16, 16, dtype=torch.uint8), "got torch.uint8"),
    ],
)
def test_wrong_patches_are_refused(loader: ImageLoader, patch: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluated(BrightnessDetector(), loader, [0], patch, class_id=0)


def test_a_class_that_the_detector_lacks_is_refused(loader: ImageLoader) -> None:
    with pytest.raises(ValueError, match="expected a class id of 0 to 1, got 2"):
        PatchJudge(FakeDetector(), loader, [0], class_id=2)


@pytest.mark.real
def test_real_photographs(coco128_yaml: Path, yolov8n_weights: Path) -> None:
    photographs = [image for image in read_dataset(coco128_yaml).images if image.count(0)][:6]
    loader = ImageLoader(photographs, image_size=640, device=torch.device("cpu"))
    detector = load_detector(yolov8n_weights, device="cpu")
    config = EvaluationConfig(placement=PlacementConfig(scale=0.6), batch_size=3, resamples=50)
    evaluation = evaluated(detector, loader, range(6), torch.zeros(3, 32, 32), class_id=0, config=config)
    clean, grey = evaluation.controls["clean"], evaluation.controls["grey"]
    assert clean.ap50.value > 0.6
    assert clean.relative_ap50.value == pytest.approx(1.0)
    assert clean.asr.value == 0.0
    # A patch that covers most of each person hides many, whatever its colours.
    for covered in (grey, evaluation.patch):
        assert covered.asr.value > 0.2
        assert covered.ap50.value < clean.ap50.value
        assert covered.disappearance.value > clean.disappearance.value
