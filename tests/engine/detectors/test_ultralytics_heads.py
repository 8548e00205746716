# SPDX-License-Identifier: AGPL-3.0-only
"""Weights with other heads than the plain one open as detectors and answer as Ultralytics does."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from ultralytics.nn import tasks
from ultralytics.nn.modules.head import LRPCHead

from engine.detectors.base import Targets
from engine.detectors.loading import load_detector
from engine.errors import DetectorError
from tests.engine.detectors.families import random_model

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
SMALL = {"n": [0.33, 0.125, 1024]}  # half of the smallest published width


@functools.cache
def model(kind: str, layout: str, **options: object) -> torch.nn.Module:
    """A random model of a layout at half of its smallest width, whose outputs vary."""
    torch.manual_seed(0)
    layout = tasks.yaml_model_load(layout)
    layout["scales"], layout["scale"] = SMALL, "n"
    made = getattr(tasks, kind)(layout, verbose=False, **options)
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return made.eval()


def save(folder, saved: object):
    path = folder / "mine.pt"
    torch.save({"model": saved, "train_args": {"box": 7.5}}, path)
    return path


def first(output: object) -> torch.Tensor:
    return first(output[0]) if isinstance(output, tuple) else output


def agrees(detector, saved: torch.nn.Module, images: torch.Tensor, seen: torch.Tensor) -> None:
    """Each anchor point's box centre and class scores are those of Ultralytics' own model."""
    with torch.no_grad():
        expected = first(saved(seen))
    for class_id in range(len(detector.class_names)):
        dense = detector.candidates(images, class_id, boxes=True)
        torch.testing.assert_close(dense.logits.sigmoid(), expected[:, 4 + class_id], atol=1e-5, rtol=1e-3)
    centres = (dense.boxes_xyxy_px[..., :2] + dense.boxes_xyxy_px[..., 2:]) / 2
    torch.testing.assert_close(centres, expected[:, :2].transpose(1, 2), atol=1e-2, rtol=1e-3)


def learns(detector, images: torch.Tensor) -> None:
    """The detector's own losses and the class scores have a gradient."""
    images = images.clone().requires_grad_()
    one = Targets(
        boxes_xyxy_px=torch.tensor([[5.0, 5.0, 40.0, 50.0]]),
        class_ids=torch.tensor([0]),
        image_index=torch.tensor([0]),
        images=len(images),
    )
    for value in (detector.losses(images, one)["total"], detector.candidates(images, 0).logits.sum()):
        assert torch.autograd.grad(value, images)[0].abs().sum() > 0


@pytest.mark.parametrize(
    ("kind", "layout"), [("SegmentationModel", "yolov8n-seg.yaml"), ("PoseModel", "yolo11n-pose.yaml")]
)
def test_segmentation_and_pose_models_are_detectors(tmp_path, kind, layout):
    saved = model(kind, layout)
    detector = load_detector(save(tmp_path, saved), device="cpu")
    images = torch.rand(2, 3, 64, 96)
    agrees(detector, saved, images, images)
    learns(detector, images)


@pytest.mark.parametrize("layout", ["yolo26n-seg.yaml", "yolo26n-pose.yaml"])
def test_their_one_to_one_heads_answer(tmp_path, layout):
    saved = model("SegmentationModel" if "seg" in layout else "PoseModel", layout)
    saved.model[-1].end2end = True
    detector = load_detector(save(tmp_path, saved), device="cpu")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = first(saved(images))[0]
    (found,) = detector.detect(images, min_score=0, max_detections=len(expected))
    assert detector.end_to_end
    torch.testing.assert_close(found.scores, expected[:, 4][: len(found.scores)], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("layout", ["yolov8n-world.yaml", "yolov8n-worldv2.yaml"])
def test_yolo_world_answers_for_the_classes_that_were_set(tmp_path, layout):
    saved = model("WorldModel", layout, nc=3)
    saved.names = {0: "cat", 1: "dog", 2: "person"}
    detector = load_detector(save(tmp_path, saved), device="cpu")
    assert detector.class_names == ("cat", "dog", "person")
    images = torch.rand(2, 3, 64, 64)
    agrees(detector, saved, images, images)
    learns(detector, images)


@pytest.mark.parametrize(
    ("kind", "layout"), [("YOLOEModel", "yoloe-v8n.yaml"), ("YOLOESegModel", "yoloe-11n-seg.yaml")]
)
@pytest.mark.parametrize("fused", [False, True])
def test_yoloe_answers_for_the_classes_that_were_set(tmp_path, kind, layout, fused):
    saved = copy.deepcopy(model(kind, layout))
    saved.set_classes(["cat", "dog"], torch.nn.functional.normalize(torch.randn(1, 2, 512), dim=-1))
    if fused:
        saved.model[-1].fuse(saved.pe)
    detector = load_detector(save(tmp_path, saved), device="cpu")
    assert detector.class_names == ("cat", "dog")
    images = torch.rand(1, 3, 64, 64)
    agrees(detector, saved, images, images)
    learns(detector, images)


def test_yoloe_without_prompts_answers_for_its_vocabulary(tmp_path):
    saved = copy.deepcopy(model("YOLOEModel", "yoloe-v8n.yaml"))
    saved.set_classes(["cat", "dog"], torch.nn.functional.normalize(torch.randn(1, 2, 512), dim=-1))
    other = copy.deepcopy(saved)
    head, vocabulary = other.model[-1], saved.model[-1]
    vocabulary.fuse(saved.pe)
    head.fuse(other.pe)
    head.lrpc = torch.nn.ModuleList(
        LRPCHead(classes[-1], torch.nn.Conv2d(1, 1, 1), boxes[-1], enabled=level < 2)
        for level, (classes, boxes) in enumerate(zip(head.cv3, head.cv2, strict=True))
    )
    for layers in (*head.cv2, *head.cv3):
        del layers[-1]
    detector = load_detector(save(tmp_path, other), device="cpu")
    images = torch.rand(1, 3, 64, 64)
    agrees(detector, saved, images, images)


def test_yoloe_without_classes_says_how_to_set_them(tmp_path):
    with pytest.raises(DetectorError, match=r"got one without; call model\.set_classes"):
        load_detector(save(tmp_path, model("YOLOEModel", "yoloe-v8n.yaml")), device="cpu")


@pytest.mark.parametrize(
    ("layout", "stride"), [("yolov8n-p2.yaml", 32), ("yolov8n-p6.yaml", 64), ("yolov5n.yaml", 32)]
)
def test_other_levels_and_generations(tmp_path, layout, stride):
    saved = model("DetectionModel", layout, nc=1)
    del saved.names
    detector = load_detector(save(tmp_path, saved), device="cpu")
    assert (detector.class_names, detector.stride_px) == (("0",), stride)
    images = torch.rand(1, 3, 128, 64)
    agrees(detector, saved, images, images)


def test_grey_models_see_the_images_grey(tmp_path):
    saved = model("DetectionModel", "yolov8n.yaml", ch=1, nc=2)
    detector = load_detector(save(tmp_path, saved), device="cpu")
    images = torch.rand(2, 3, 64, 64)
    agrees(detector, saved, images, (images * LUMA).sum(dim=1, keepdim=True))
    learns(detector, images)


def test_a_fused_checkpoint_with_averaged_weights_only(tmp_path):
    saved = copy.deepcopy(model("DetectionModel", "yolov8n.yaml", nc=2))
    expected = copy.deepcopy(saved)
    saved.fuse(verbose=False)
    torch.save({"ema": saved}, tmp_path / "ema.pt")
    images = torch.rand(1, 3, 64, 64)
    agrees(load_detector(tmp_path / "ema.pt", device="cpu"), expected, images, images)


@pytest.mark.parametrize("names", [{"0": "a", "1": "b", "2": "c"}, ["a", "b", "c"], ("a", "b", "c")])
def test_names_in_any_form(tmp_path, names):
    saved = random_model("yolov8n")
    saved.names = names
    assert load_detector(save(tmp_path, saved), device="cpu").class_names == ("a", "b", "c")


def without(**fields: object):
    """A change of a plain model's head."""

    def change(saved: torch.nn.Module) -> None:
        for name, value in fields.items():
            setattr(saved.model[-1], name, value)

    return change


def pad(saved: torch.nn.Module) -> None:
    saved.model[0].conv.padding = (10**6, 10**6)


def enlarge(saved: torch.nn.Module) -> None:
    for layer in saved.model:
        if isinstance(layer, torch.nn.Upsample):
            layer.scale_factor = 10**5


def spoil(saved: torch.nn.Module) -> None:
    saved.model[0].conv.weight.data[0, 0, 0, 0] = float("nan")


def prune(saved: torch.nn.Module) -> None:
    from torch.nn.utils.prune import l1_unstructured

    l1_unstructured(saved.model[0].conv, "weight", amount=0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(nc=10**10), r"expected boxes and classes of the shapes .*10000000000"),
        (without(nc=0), "expected boxes and classes of the shapes"),
        (without(nl=2), "expected strides from 1 to 512 pixels"),
        (without(stride=torch.tensor([0.0, 0.0, 0.0])), "expected strides from 1 to 512 pixels"),
        (without(reg_max=1), "expected boxes and classes of the shapes"),
        (pad, r"expected a padding from 0 to 64, got 1000000 in model\.0\.conv"),
        (enlarge, "expected a scale_factor from 0 to 4, got 100000"),
        (spoil, r"got infinite or NaN values in model\.0\.conv\.weight"),
        (prune, r"pruning mask.*torch\.nn\.utils\.prune\.remove"),
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_models_that_cannot_work_are_refused_at_once(tmp_path, change, message, trust):
    saved = random_model("yolov8n")
    change(saved)
    with pytest.raises(DetectorError, match=message) as caught:
        load_detector(save(tmp_path, saved), device="cpu", trust=trust)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "layout", "message"),
    [
        ("OBBModel", "yolov8n-obb.yaml", "got one with rotated boxes"),
        ("ClassificationModel", "yolov8n-cls.yaml", "got a classification model"),
        ("SemanticSegmentationModel", "yolo26n-sem.yaml", "got a model that labels pixels"),
    ],
)
def test_models_of_other_tasks_say_what_they_are(tmp_path, kind, layout, message):
    if not hasattr(tasks, kind):
        pytest.skip(f"this Ultralytics has no {kind}")
    with pytest.raises(DetectorError, match=message):
        load_detector(save(tmp_path, model(kind, layout)), device="cpu")


def test_multispectral_models_are_refused(tmp_path):
    with pytest.raises(DetectorError, match="got one for 4 channels; use other weights"):
        load_detector(save(tmp_path, model("DetectionModel", "yolov8n.yaml", ch=4)), device="cpu")
