# SPDX-License-Identifier: AGPL-3.0-only
"""RT-DETR: the adapter answers as Ultralytics does, gradients are those of the model, nothing moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_convert

from engine.config import RunConfig
from engine.detectors.ultralytics import load
from engine.detectors.ultralytics_rtdetr import RTDETRDetector
from engine.detectors.weight_classes import classes_in
from engine.errors import DetectorError, SettingsError
from engine.runs.commands import generate
from tests.engine.detectors.families import CLASSES, random_rtdetr, rtdetr
from tests.engine.detectors.objects import RAGGED

CPU = torch.device("cpu")
SIZES = pytest.mark.parametrize("size", [(64, 64), (64, 96), (160, 128)], ids=str)


def images(size: tuple[int, int] = (64, 96), n: int = 2, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(seed))


def test_says_what_it_is():
    adapter = rtdetr()
    assert (adapter.name, adapter.family, adapter.end_to_end) == ("tiny", "rtdetr", True)
    assert (adapter.stride_px, adapter.class_names, adapter.device) == (32, ("0", "1", "2"), CPU)


@SIZES
@pytest.mark.parametrize("fuse", [False, True])
def test_candidates_are_the_models_own_queries(size, fuse):
    adapter, x = rtdetr(fuse=fuse), images(size)
    with torch.no_grad():
        _, (boxes, scores, *_) = random_rtdetr()(x)
    expected = box_convert(boxes[0], "cxcywh", "xyxy") * torch.tensor([size[1], size[0]] * 2)
    for class_id in range(CLASSES):
        found = adapter.candidates(x, class_id, boxes=True)
        assert found.logits.std() > 0.5  # outputs that hardly vary would agree whatever we computed
        torch.testing.assert_close(found.logits, scores[0, ..., class_id], atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(found.boxes_xyxy_px, expected, atol=1e-2, rtol=1e-3)
        centres = (expected[..., :2] + expected[..., 2:]) / 2
        torch.testing.assert_close(found.points_xy_px, centres, atol=1e-2, rtol=1e-3)
    assert adapter.candidates(x, 0).boxes_xyxy_px is None


@pytest.mark.parametrize("min_score", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("most", [1, 300])
def test_detect_is_ultralytics_answer_box_by_box(min_score, most):
    from ultralytics.models.rtdetr.val import RTDETRValidator

    x = images((96, 96))
    validator = SimpleNamespace(args=SimpleNamespace(imgsz=96, conf=min_score, max_det=most, classes=None))
    with torch.no_grad():
        expected = RTDETRValidator.postprocess(validator, random_rtdetr()(x))
    found = rtdetr().detect(x, min_score=min_score, max_detections=most)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.boxes_xyxy_px, theirs["bboxes"], atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(ours.scores, theirs["conf"], atol=1e-4, rtol=1e-3)
        assert ours.class_ids.tolist() == theirs["cls"].long().tolist()


def test_losses_are_those_of_training_without_denoising():
    model, x = random_rtdetr(), images()
    model.model[-1].num_denoising = 0
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    model.train()
    for norm in norms:
        norm.eval()
    batch = {
        "img": x,
        "batch_idx": RAGGED.image_index[[1, 0, 2]],
        "cls": RAGGED.class_ids[[1, 0, 2]],
        "bboxes": box_convert(RAGGED.boxes_xyxy_px[[1, 0, 2]], "xyxy", "cxcywh") / torch.tensor([96, 64] * 2),
    }
    expected = model.loss(batch)[0]
    found = rtdetr().losses(x, RAGGED)
    assert tuple(found) == RTDETRDetector.loss_names
    assert all(part > 0 for part in found.values())
    torch.testing.assert_close(found["total"], expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found["total"], found["cls"] + found["l1"] + found["giou"])


@pytest.mark.parametrize(
    "value",
    [
        lambda adapter, x: adapter.candidates(x, 1).logits.sum(),
        lambda adapter, x: adapter.candidates(x, 1, boxes=True).boxes_xyxy_px[..., 2:].mean(),
        lambda adapter, x: adapter.losses(x, RAGGED)["l1"],
        lambda adapter, x: adapter.losses(x, RAGGED)["giou"],
    ],
    ids=["scores", "boxes", "l1", "giou"],
)
def test_gradients_are_finite_differences(value):
    adapter = rtdetr()
    x = images(seed=1).requires_grad_()  # where a small step changes no match of queries and objects
    (gradient,) = torch.autograd.grad(value(adapter, x), x)
    assert (gradient.abs().flatten(1).amax(1) > 0).all()
    step = 1e-3 * gradient / gradient.norm()
    with torch.no_grad():
        difference = (value(adapter, x + step) - value(adapter, x - step)) / 2
    torch.testing.assert_close(difference, (gradient * step).sum(), rtol=0.05, atol=1e-6)


def write(path, model=None, **more: object):
    model = model or random_rtdetr()
    model.names = {0: "person", 1: "car", 2: "dog"}
    torch.save({"model": model.half(), **more}, path)
    return path


def test_a_file_of_unfinished_training_is_opened_without_trust(tmp_path):
    model = random_rtdetr()
    model.criterion = model.init_criterion()
    path = write(tmp_path / "mine.pt", model)
    detector = load(path, device=CPU)
    assert isinstance(detector, RTDETRDetector)
    assert detector.class_names == classes_in(path) == ("person", "car", "dog")
    plain = RTDETRDetector(random_rtdetr().half(), name="mine", device=CPU)
    torch.testing.assert_close(detector.candidates(images(), 0), plain.candidates(images(), 0))


def _without_a_class(head):
    head.dec_score_head[0] = torch.nn.Linear(16, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda head: setattr(head, "nc", 4), r"expected scores of 4 classes, got \[3, 3, 3\]"),
        (_without_a_class, r"expected scores of 3 classes, got \[3, 2, 3\]"),
        (lambda head: setattr(head, "num_queries", 0), "at least one query, got layer 2 and 0 queries"),
        (lambda head: setattr(head.decoder, "eval_idx", 5), "one of 2 decoder layers .*got layer 6"),
        (lambda head: head.dec_bbox_head.pop(0), "that this version of Ultralytics understands"),
        (lambda head: head.enc_score_head.weight.data.fill_(torch.nan), "expected finite weights"),
    ],
)
def test_heads_that_do_not_fit_are_named(tmp_path, change, message):
    model = random_rtdetr()
    change(model.model[-1])
    with pytest.raises(DetectorError, match=message) as caught:
        load(write(tmp_path / "odd.pt", model), device=CPU)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def settings(blocks, tmp_path):
    """Settings of a run of one iteration with the given losses."""
    small = {"image_size": 64, "view_size": 0, "batch_size": 2, "patch_height": 16, "patch_width": 16}
    named = {"dataset": str(blocks), "weights": str(write(tmp_path / "mine.pt")), "device": "cpu"}
    return lambda **losses: RunConfig(**named, **small, iterations=1, losses=losses)


@pytest.mark.parametrize("losses", [{"object": 1.0}, {"overlap": 1.0, "cls": 0.1, "l1": 0.1, "giou": 0.1}])
def test_a_run_attacks_and_scores_it(settings, tmp_path, losses):
    summary = generate(settings(**losses), tmp_path / "run")
    assert summary["detector"] == {"name": "mine", "family": "rtdetr", "end_to_end": True}
    assert summary["evaluation"]["patch"]["ap50"] is not None


def test_a_loss_that_it_lacks_is_refused(settings, tmp_path):
    with pytest.raises(SettingsError, match="for mine, got dfl; leave out those that it lacks"):
        generate(settings(dfl=1.0), tmp_path / "run")
    assert not (tmp_path / "run").exists()
