# SPDX-License-Identifier: AGPL-3.0-only
"""What holds for the detectors of every family, by a small one of each kind."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.detectors import families, torchvision_models
from tests.engine.detectors.objects import RAGGED, targets
from tests.engine.detectors.torchvision_models import images

TRANSFORMERS = (
    *("detr", "yolos", "conditional_detr", "dab-detr", "deformable_detr"),
    *("rt_detr", "rt_detr_v2", "d_fine"),
)
KINDS = (*("yolov8n", "yolov10n", "yolo26n", "rtdetr"), *torchvision_models.KINDS, *TRANSFORMERS)
OF_BOXES = {"box", "dfl", "l1", "giou", "bbox"}
"""Losses that are 0 without objects."""


def detector(kind: str, **options: Any) -> Any:
    """A small random detector of one of `KINDS`, of the classes 0 to 2."""
    if kind in torchvision_models.KINDS:
        return torchvision_models.detector(kind, **options)
    if kind in TRANSFORMERS:
        pytest.importorskip("transformers", reason="pip install -r requirements-transformers.txt")
        from tests.engine.detectors import transformers_models

        return transformers_models.detector(kind, **options)
    return families.rtdetr(**options) if kind == "rtdetr" else families.detector(kind, **options)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def adapter(kind: str) -> Any:
    return detector(kind)


@pytest.mark.parametrize("size", [(0, 64), (64, 65)])
def test_sides_are_multiples_of_the_stride(adapter: Any, size: tuple[int, int]) -> None:
    if all(side and side % adapter.stride_px == 0 for side in size):
        return
    sides = "" if adapter.stride_px == 1 else f" with sides divisible by {adapter.stride_px}"
    with pytest.raises(ValueError, match=rf"expected \(n, 3, h, w\){sides}"):
        adapter.candidates(torch.zeros(1, 3, *size), 0)


@pytest.mark.parametrize(
    ("shape", "class_id", "message"),
    [
        ((3, 64, 64), 0, r"expected \(n, 3, h, w\)"),
        ((1, 1, 64, 64), 0, r"expected \(n, 3, h, w\)"),
        ((1, 3, 64, 64), 3, "expected 0 to 2, got 3"),
        ((1, 3, 64, 64), -1, "expected 0 to 2, got -1"),
    ],
)
def test_impossible_input_is_named(adapter: Any, shape: tuple[int, ...], class_id: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adapter.candidates(torch.zeros(shape), class_id)


def test_targets_of_other_images_are_refused(adapter: Any) -> None:
    with pytest.raises(ValueError, match="expected those of 2 images, got 3"):
        adapter.losses(images(), targets([], n=3))


@pytest.mark.parametrize("setting", [{"min_score": 1.5}, {"iou": -0.1}, {"max_detections": 0}])
def test_impossible_thresholds_are_refused(adapter: Any, setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        adapter.detect(images(), **setting)


def test_candidates_do_not_depend_on_the_other_images(adapter: Any) -> None:
    x = images(n=3)
    together = adapter.candidates(x, 0, boxes=True)
    for image in range(3):
        alone = adapter.candidates(x[image : image + 1], 0, boxes=True)
        count = alone.logits.shape[1]
        points = together.points_of(torch.tensor([image])), alone.points_of(torch.tensor([0]))
        boxes = together.boxes_xyxy_px[image, :count], alone.boxes_xyxy_px[0]
        torch.testing.assert_close(together.logits[image, :count], alone.logits[0], atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(*boxes, atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(points[0][0, :count], points[1][0], atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(0, 0, [5.0, 5, 40, 50])],
        [(0, 0, [5.0, 5, 5, 50])],
        [(1, 2, [0.0, 0, 10, 10])] * 3 + [(0, 1, [-9.0, 3, 9, 90])],
    ],
    ids=["none", "one image without", "without area", "ragged, beyond the edge"],
)
def test_losses_of_any_objects(kind: str, adapter: Any, rows: list[Any]) -> None:
    x = images().requires_grad_()
    found = adapter.losses(x, targets(rows))
    assert tuple(found) == adapter.loss_names
    assert all(term.isfinite() and term.dim() == 0 for term in found.values())
    assert rows or not any(term for name, term in found.items() if name in OF_BOXES)
    (gradient,) = torch.autograd.grad(found["total"], x)
    assert gradient.isfinite().all()
    assert gradient.any() or kind == "ssd"  # which learns nothing from images without objects


def test_losses_do_not_depend_on_the_order_of_targets(adapter: Any) -> None:
    shuffled = RAGGED.where(torch.tensor([2, 0, 1]))
    torch.testing.assert_close(adapter.losses(images(), RAGGED), adapter.losses(images(), shuffled))


@pytest.mark.parametrize("fuse", [True, False])
def test_a_run_changes_no_weight_and_no_statistic(kind: str, fuse: bool) -> None:
    own = detector(kind, fuse=fuse)
    before, state = own.checksum(), copy.deepcopy(own.model.state_dict())
    x = images().requires_grad_()
    found = own.candidates(x, 0, boxes=True)
    (own.losses(x, RAGGED)["total"] + found.logits.sum() + found.boxes_xyxy_px.sum()).backward()
    own.detect(x)
    assert own.checksum() == before
    assert all(torch.equal(value, state[name]) for name, value in own.model.state_dict().items())
    assert not any(weight.requires_grad or weight.grad is not None for weight in own.model.parameters())
    assert any("running_mean" in name for name in state) == (not fuse and kind != "yolos")


def test_threads_with_different_sizes_share_a_detector(adapter: Any) -> None:
    modes = [module.training for module in adapter.model.modules()]
    sizes = [(64, 64), (96, 64), (64, 128)] * 2
    batches = [images(seed, height=height, width=width) for seed, (height, width) in enumerate(sizes)]

    def answer(x: Tensor) -> list[Tensor]:
        return [adapter.candidates(x, 0).logits, adapter.detect(x, max_detections=len(x[0, 0]))[0].scores]

    expected = list(map(answer, batches))
    with ThreadPoolExecutor(3) as threads:
        torch.testing.assert_close(list(threads.map(answer, batches)), expected, atol=1e-4, rtol=1e-4)
    assert modes == [module.training for module in adapter.model.modules()]


def test_bf16_leaves_boxes_and_losses_whole(adapter: Any) -> None:
    x = images().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = adapter.candidates(x, 0, boxes=True)
        losses = adapter.losses(x, RAGGED)
        detections = adapter.detect(x)
    whole = [found.points_xy_px, found.boxes_xyxy_px, losses["total"], detections[0].boxes_xyxy_px]
    assert [each.dtype for each in whole] == [torch.float32] * 4
    (gradient,) = torch.autograd.grad(losses["total"] + found.logits[:, 0].float().sum(), x)
    assert gradient.isfinite().all()


def test_detect_under_inference_mode_leaves_gradients_possible(kind: str) -> None:
    fresh, x = detector(kind), images().requires_grad_()
    with torch.inference_mode():
        fresh.detect(images())
    found = fresh.candidates(x, 0, boxes=True)
    for values in (found.logits, found.boxes_xyxy_px):
        (gradient,) = torch.autograd.grad(values.sum(), x, retain_graph=True)
        assert gradient.any()
