# SPDX-License-Identifier: AGPL-3.0-only
"""From a weight file or name to a detector, and the errors on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engine.boxes import iou_matrix
from engine.detectors import ultralytics_download, weight_classes
from engine.detectors.base import Targets
from engine.detectors.ultralytics import find_weights, load_detector
from engine.errors import DetectorError, DeviceError, MemoryExhaustedError, UntrustedWeightsError
from tests.engine.detectors.families import FAMILIES, random_model


def save(path, name: str = "yolov8n", **more: object):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": random_model(name).half(), "ema": None, **more}, path)
    return path


@pytest.mark.parametrize("name", FAMILIES)
def test_loads_every_family(tmp_path, name):
    detector = load_detector(save(tmp_path / "mine.pt", name), device="cpu")
    assert (detector.name, detector.family, detector.end_to_end) == ("mine", *FAMILIES[name])
    assert detector.class_scores(torch.zeros(1, 3, 64, 64), 0).logits.shape == (1, 84)


def test_options_arrive(tmp_path):
    path = save(tmp_path / "mine.pt", "yolo26n", train_args={"box": 1.25})
    detector = load_detector(str(path), device="cpu", fuse=False, end_to_end=False)
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
        assert load_detector(tmp_path / f"{name}.pt", device="cpu").class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a state dict without a model"),
        ({"weight": torch.zeros(1)}, "a state dict without a model"),
        ([1], "got list"),
        ({"model": torch.nn.Linear(1, 1)}, "expected a detection model .*got Linear"),
    ],
)
def test_files_without_a_detector_are_named(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DetectorError, match=message) as caught:
        load_detector(tmp_path / "other.pt", device="cpu")
    assert str(tmp_path / "other.pt") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_detector_that_does_not_fit_into_memory_is_no_fault_of_its_weights(tmp_path, monkeypatch):
    def full(*_arguments, **_settings):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr("engine.detectors.ultralytics.UltralyticsDetector", full)
    with pytest.raises(MemoryExhaustedError, match="expected a detector that fits into the memory of cpu"):
        load_detector("demo", device="cpu")


def test_half_a_model_is_named(tmp_path):
    model = random_model("yolov8n")
    del model.model[-1].stride
    torch.save({"model": model}, tmp_path / "half.pt")
    with pytest.raises(DetectorError, match="that this Ultralytics understands"):
        load_detector(tmp_path / "half.pt", device="cpu")


def test_trust_is_asked_for(tmp_path):
    path = save(tmp_path / "mine.pt", more=print)
    with pytest.raises(UntrustedWeightsError, match=r"builtins\.print|__builtin__\.print"):
        load_detector(path, device="cpu")
    assert load_detector(path, device="cpu", trust=True).name == "mine"


def test_the_device_is_checked_first(tmp_path):
    with pytest.raises(DeviceError, match="got 'toaster'"):
        load_detector(tmp_path / "missing.pt", device="toaster")


def test_names_are_looked_up_in_order(tmp_path, own_home, monkeypatch):
    packaged = tmp_path / "packaged"
    monkeypatch.setattr(weight_classes, "PACKAGED_WEIGHTS", packaged)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, packaged, own_home / "weights"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.pt").touch()
    (own_home / "weights" / "yolo11n.pt").touch()
    assert find_weights("mine.pt").resolve() == tmp_path / "mine.pt"
    assert find_weights("mine") == packaged / "mine.pt"
    assert find_weights("yolo11n") == own_home / "weights" / "yolo11n.pt"


@pytest.mark.parametrize("name", ["", "nothing", "nothing.pt", "folder/yolo11n.pt", "yolo11n.onnx"])
def test_unknown_names_say_where_was_looked(name):
    with pytest.raises(DetectorError, match=r"looked for .*"):
        find_weights(name)


def test_a_published_name_is_downloaded_and_said(own_home, monkeypatch, caplog):
    def publish(target):
        target.parent.mkdir(parents=True)
        target.touch()

    monkeypatch.setattr(ultralytics_download, "attempt_download_asset", publish)
    assert find_weights("yolo11n") == own_home / "weights" / "yolo11n.pt"
    assert f"Downloading yolo11n.pt to {own_home / 'weights' / 'yolo11n.pt'}" in caplog.text


def test_images_on_disk_are_not_weights(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "image.png")
    with pytest.raises(DetectorError, match="expected a zip archive"):
        load_detector(tmp_path / "image.png", device="cpu")


@pytest.mark.real
def test_real_weights_find_real_people(yolov8n_weights, coco128_yaml):
    detector = load_detector(yolov8n_weights, device="cpu")
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

    detector = load_detector(yolov8n_weights, device="cpu")
    images = torch.rand(1, 3, 128, 160)
    with torch.no_grad():
        expected = YOLO(str(yolov8n_weights)).model.float().eval()(images)[0]
    dense = detector.predictions(images, 0)
    centres = (dense.boxes_xyxy_px[..., :2] + dense.boxes_xyxy_px[..., 2:]) / 2
    torch.testing.assert_close(centres, expected[:, :2].transpose(1, 2), atol=2e-2, rtol=1e-3)
    torch.testing.assert_close(dense.logits.sigmoid(), expected[:, 4], atol=1e-4, rtol=1e-3)
