# SPDX-License-Identifier: AGPL-3.0-only
"""From a weight file of Ultralytics to a detector, and the errors on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engine.boxes import iou_matrix
from engine.detectors.base import Targets
from engine.detectors.ultralytics import load
from engine.detectors.weight_classes import PACKAGED_WEIGHTS
from engine.errors import DetectorError, MemoryExhaustedError, UntrustedWeightsError
from tests.engine.detectors.families import FAMILIES, random_model

CPU = torch.device("cpu")


def save(path, name: str = "yolov8n", **more: object):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": random_model(name).half(), "ema": None, **more}, path)
    return path


@pytest.mark.parametrize("name", FAMILIES)
def test_loads_every_family(tmp_path, name):
    detector = load(save(tmp_path / "mine.pt", name), device=CPU)
    assert (detector.name, detector.family, detector.end_to_end) == ("mine", *FAMILIES[name])
    assert detector.candidates(torch.zeros(1, 3, 64, 64), 0).logits.shape == (1, 84)


def test_options_arrive(tmp_path):
    path = save(tmp_path / "mine.pt", "yolo26n", train_args={"box": 1.25})
    detector = load(path, device=CPU, fuse=False, end_to_end=False)
    assert not detector.end_to_end
    assert any("bn" in name for name in detector.model.state_dict())
    assert (detector.model.args.box, detector.model.args.cls) == (
        1.25,
        0.5,
    )  # the file's own, then the default


def test_the_averaged_weights_of_an_unfinished_training_are_taken(tmp_path):
    averaged = random_model("yolov8n")
    averaged.names = {0: "a", 1: "b", 2: "c"}
    save(tmp_path / "last.pt", ema=averaged)
    torch.save({"model": None, "ema": averaged}, tmp_path / "only.pt")
    for name in ("last", "only"):
        assert load(tmp_path / f"{name}.pt", device=CPU).class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a state dict without a model"),
        ({"weight": torch.zeros(1)}, "a state dict without a model"),
        ([1], "got list"),
        ({"model": torch.nn.Linear(1, 1)}, "expected an Ultralytics detection model, got Linear"),
    ],
)
def test_files_without_a_detector_are_named(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DetectorError, match=message) as caught:
        load(tmp_path / "other.pt", device=CPU)
    assert str(tmp_path / "other.pt") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_detector_that_does_not_fit_into_memory_is_no_fault_of_its_weights(tmp_path, monkeypatch):
    def full(*_arguments, **_settings):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr("engine.detectors.ultralytics.UltralyticsDetector", full)
    with pytest.raises(MemoryExhaustedError, match="expected a detector that fits into the memory of cpu"):
        load(PACKAGED_WEIGHTS / "demo.pt", device=CPU)


def test_half_a_model_is_named(tmp_path):
    model = random_model("yolov8n")
    del model.model[-1].stride
    torch.save({"model": model}, tmp_path / "half.pt")
    with pytest.raises(DetectorError, match="that this version of Ultralytics understands"):
        load(tmp_path / "half.pt", device=CPU)


def test_trust_is_asked_for(tmp_path):
    path = save(tmp_path / "mine.pt", more=eval)
    with pytest.raises(UntrustedWeightsError, match=r"builtins\.eval|__builtin__\.eval"):
        load(path, device=CPU)
    assert load(path, device=CPU, trust=True).name == "mine"


def test_images_on_disk_are_not_weights(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "image.png")
    with pytest.raises(DetectorError, match="expected a zip archive"):
        load(tmp_path / "image.png", device=CPU)


@pytest.mark.real
def test_real_weights_find_real_people(yolov8n_weights, coco128_yaml):
    detector = load(yolov8n_weights, device=CPU)
    photograph = coco128_yaml.parent / "images/train2017/000000000061.jpg"
    with Image.open(photograph) as image:
        pixels = np.array(image.convert("RGB").resize((640, 480)))
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    (found,) = detector.detect(images, min_score=0.25)
    people = found.boxes_xyxy_px[found.class_ids == detector.class_names.index("person")]
    label = photograph.parent.parent.parent / "labels/train2017/000000000061.txt"
    rows = np.loadtxt(label, ndmin=2)
    centres, sizes = rows[rows[:, 0] == 0, 1:3], rows[rows[:, 0] == 0, 3:5]
    known = np.hstack([centres - sizes / 2, centres + sizes / 2]) * [640, 480, 640, 480]
    assert iou_matrix(people.numpy(), known).max() > 0.7
    images.requires_grad_()
    wanted = Targets(
        boxes_xyxy_px=torch.from_numpy(known).float(),
        class_ids=torch.zeros(len(known), dtype=torch.int64),
        image_index=torch.zeros(len(known), dtype=torch.int64),
        images=1,
    )
    terms = detector.losses(images, wanted)
    assert all(term > 0 for term in terms.values())
    assert torch.autograd.grad(terms["total"], images)[0].abs().sum() > 0


@pytest.mark.real
def test_real_weights_answer_as_ultralytics_does(yolov8n_weights):
    from ultralytics import YOLO

    detector = load(yolov8n_weights, device=CPU)
    images = torch.rand(1, 3, 128, 160)
    with torch.no_grad():
        expected = YOLO(str(yolov8n_weights)).model.float().eval()(images)[0]
    dense = detector.candidates(images, 0, boxes=True)
    centres = (dense.boxes_xyxy_px[..., :2] + dense.boxes_xyxy_px[..., 2:]) / 2
    torch.testing.assert_close(centres, expected[:, :2].transpose(1, 2), atol=2e-2, rtol=1e-3)
    torch.testing.assert_close(dense.logits.sigmoid(), expected[:, 4], atol=1e-4, rtol=1e-3)
