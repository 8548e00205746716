# SPDX-License-Identifier: AGPL-3.0-only
"""Weights without layers open by the published layout that they fit."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from ultralytics.nn import tasks

from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.loading import load_detector
from engine.detectors.ultralytics_layouts import model_of
from engine.errors import DetectorError
from tests.engine.detectors.families import FAMILIES, random_model
from tests.engine.detectors.pickles import canary


def test_no_weights_are_none_of_a_detector():
    with pytest.raises(DetectorError, match=r"expected the weights of an Ultralytics detector"):
        model_of({})


# The form of a file is undone before its layout is looked for: each form once, and each family once.
@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "state dict") for name in FAMILIES),
        *(("yolo26n", form) for form in ("prefixed", "in a checkpoint", "safetensors")),
    ],
)
def test_weights_of_every_family_open(tmp_path, name, form):
    model = random_model(name)
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    path = tmp_path / "mine.pth"
    if form == "safetensors":
        path = tmp_path / "mine.safetensors"
        safetensors.torch.save_file(weights, path, metadata={"format": "pt"})
    elif form == "in a checkpoint":
        torch.save({"epoch": 3, "state_dict": model.state_dict()}, path)
    else:
        torch.save(
            {f"model.{key}": value for key, value in weights.items()}
            if form == "prefixed"
            else model.state_dict(),
            path,
        )
    with canary() as ran:
        loaded = load_checkpoint(path).model.state_dict()
    assert not [event for event in ran if event.startswith(("pickle.find_class", "os.", "subprocess"))]
    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())


@pytest.mark.parametrize(
    ("kind", "layout", "options"),
    [
        ("SegmentationModel", "yolo11n-seg.yaml", {"nc": 2}),
        ("PoseModel", "yolov8n-pose.yaml", {"nc": 1}),
        ("DetectionModel", "yolov8n-p6.yaml", {"nc": 1}),
        ("DetectionModel", "yolov8n.yaml", {"nc": 1, "ch": 1}),
    ],
)
def test_weights_of_other_heads_open_in_half_precision(tmp_path, kind, layout, options):
    model = getattr(tasks, kind)(layout, verbose=False, **options).half()
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    detector = load_detector(tmp_path / "mine.pth", device="cpu")
    assert detector.class_names == tuple(map(str, range(options["nc"])))
    assert detector.family == layout[:6].rstrip("n-")
    loaded = load_checkpoint(tmp_path / "mine.pth").model.half().state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda weights: {"backbone.conv1.weight": torch.zeros(1)},
            "with 'backbone.conv1.weight'; use the .pt",
        ),
        (lambda weights: weights | {"other.weight": torch.zeros(1)}, "with 'other.weight'; use the .pt"),
        (
            lambda weights: weights | {f"model.{key}": value for key, value in weights.items()},
            "with 'several prefixes'",
        ),
        (
            lambda weights: {key: value for key, value in weights.items() if ".cv3." not in key},
            "expected weights with a detection head, got none in layer 22",
        ),
        (
            lambda weights: weights | {"model.1.conv.weight": torch.zeros(3, 3)},
            "got 23 layers, the first with 16 channels, which fits none of them",
        ),
        (
            lambda weights: {key: value for key, value in weights.items() if "model.3." not in key},
            "got 23 layers, the first with 16 channels, which fits none of them",
        ),
    ],
)
def test_other_weights_are_named(tmp_path, change, message):
    torch.save(change(dict(random_model("yolov8n").state_dict())), tmp_path / "other.pth")
    with pytest.raises(DetectorError, match=message) as caught:
        load_checkpoint(tmp_path / "other.pth")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_a_truncated_safetensors_file_is_named(tmp_path, share):
    path = tmp_path / "whole.safetensors"
    safetensors.torch.save_file({"model.0.conv.weight": torch.zeros(1000)}, path)
    content = path.read_bytes()
    path.write_bytes(content[: max(int(len(content) * share), 20)])
    with pytest.raises(DetectorError, match=r"whole\.safetensors, which is damaged \("):
        load_checkpoint(path)


def test_a_safetensors_header_beyond_the_file_is_refused(tmp_path):
    (tmp_path / "huge.safetensors").write_bytes((2**31).to_bytes(8, "little") + b'{"a":')
    with pytest.raises(DetectorError, match=r"huge\.safetensors"):
        load_checkpoint(tmp_path / "huge.safetensors")
