# SPDX-License-Identifier: AGPL-3.0-only
"""The shipped weights of the embedded detectors, as many as there are."""

import pytest
import torch

from engine.datasets.demo import demo_dataset
from engine.datasets.loader import ImageLoader
from engine.detectors import demo_weights
from engine.detectors.demo_weights import (
    DEMO_DESCRIPTION,
    DEMO_IMAGE_SIZE,
    EMBEDDED,
    embedded_detectors,
    embedded_file,
)
from engine.detectors.loading import load_detector
from engine.evaluation.average_precision import measure_ap
from engine.evaluation.matching import ClassBoxes

IMAGES = 40
# AP50 and AP50-95.
LEAST = {"demo": (0.9, 0.5), "demo-rcnn": (0.85, 0.4), "demo-yolo11": (0.85, 0.4)}
FAMILIES = {"demo": "yolov8", "demo-rcnn": "fasterrcnn_small", "demo-yolo11": "yolo11"}
each_one = pytest.mark.parametrize("name", embedded_detectors())


@each_one
def test_they_are_small_and_say_that_they_are_synthetic(name):
    assert embedded_file(name).stat().st_size <= 4_000_000
    checkpoint = torch.load(embedded_file(name), weights_only=False)
    assert checkpoint["description"] == DEMO_DESCRIPTION
    assert "Synthetic" in DEMO_DESCRIPTION
    assert checkpoint["image_size"] == DEMO_IMAGE_SIZE
    assert checkpoint["ap50"] >= LEAST[name][0]


def test_only_what_is_there_is_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_weights, "PACKAGED_WEIGHTS", tmp_path)
    assert embedded_detectors() == ()
    embedded_file("demo-rcnn").touch()
    assert embedded_detectors() == ("demo-rcnn",)
    embedded_file("demo").touch()
    embedded_file("demo-yolo11").touch()
    assert embedded_detectors() == EMBEDDED == ("demo", "demo-rcnn", "demo-yolo11")


@each_one
def test_they_load_by_name(name):
    detector = load_detector(name, device="cpu")
    assert (detector.name, detector.family, detector.class_names) == (name, FAMILIES[name], ("person",))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Validation pictures that no training has seen."""
    return demo_dataset("val", folder=tmp_path_factory.mktemp("demo") / "val", images=IMAGES)


@each_one
def test_they_find_people_in_pictures_that_they_have_not_seen(name, pictures):
    detector = load_detector(name, device="cpu")
    loader = ImageLoader(pictures.images, image_size=DEMO_IMAGE_SIZE, device=torch.device("cpu"))
    objects, found = [], []
    for batch in loader.batches([range(start, start + 8) for start in range(0, IMAGES, 8)]):
        found += [
            ClassBoxes(boxes_xyxy_px=image.boxes_xyxy_px.numpy(), scores=image.scores.numpy())
            for image in detector.detect(batch.images_nchw.float() / 255)
        ]
        boxes, owners = batch.targets.boxes_xyxy_px.numpy(), batch.targets.image_index.numpy()
        objects += [boxes[owners == image] for image in range(batch.targets.images)]
    measured = measure_ap(objects, found)  # by pycocotools
    assert measured.ap50 >= LEAST[name][0]
    assert measured.ap50_95 >= LEAST[name][1]
