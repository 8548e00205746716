# SPDX-License-Identifier: AGPL-3.0-only
"""Every kind: the adapter answers as the model itself does, gradients reach the image, nothing moves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import (
    fasterrcnn_mobilenet_v3_large_320_fpn,
    retinanet_resnet50_fpn_v2,
    ssdlite320_mobilenet_v3_large,
)

from engine.detectors.base import Candidates, Detections
from engine.detectors.torchvision_adapter import TorchvisionDetector
from engine.detectors.torchvision_sampling import SeededSampler
from engine.errors import DetectorError
from engine.registries import LOSSES
from tests.engine.detectors.objects import RAGGED, targets
from tests.engine.detectors.torchvision_models import (
    CPU,
    KINDS,
    NAMES,
    TWO_STAGE,
    adapted,
    detector,
    images,
    random_model,
)
from tests.engine.patch.factories import WITHOUT_CHANCE, begin, photographs, settings

THRESHOLDS = {"min_score": 0.1, "iou": 0.5, "max_detections": 15}
each_kind = pytest.mark.parametrize("kind", KINDS)


def library_answer(model: nn.Module, x: Tensor) -> list[dict[str, Tensor]]:
    """The model's own forward pass, with our thresholds for its own."""
    chooser = model.roi_heads if hasattr(model, "roi_heads") else model
    chooser.score_thresh, chooser.nms_thresh, chooser.detections_per_img = THRESHOLDS.values()
    with torch.no_grad():
        return model(list(x))


def found_in(detections: Detections, found: Candidates, image: int, size: Tensor) -> Tensor:
    """For each detection, how far the nearest candidate lies: in pixels, or in hundredths of a score."""
    boxes = found.boxes_xyxy_px[image].clamp(min=0).minimum(size.repeat(2))
    distance = (boxes - detections.boxes_xyxy_px[:, None]).abs().amax(dim=2)
    scores = (found.logits[image].sigmoid() - detections.scores[:, None]).abs()
    return distance.maximum(100 * scores).amin(dim=1)


@each_kind
def test_says_what_it_is(kind):
    adapter = detector(kind)
    assert (adapter.name, adapter.family, adapter.device) == ("small", "tiny", CPU)
    assert adapter.class_names == NAMES
    assert (adapter.end_to_end, adapter.stride_px) == (False, 1)


@pytest.mark.parametrize(("n", "height", "width"), [(1, 64, 64), (2, 64, 96), (3, 96, 48), (1, 40, 200)])
@each_kind
def test_detect_equals_the_librarys_own_answer(kind, n, height, width):
    """In any order of equal scores, which rounding decides: random weights give many scores of almost 1."""
    x = images(n=n, height=height, width=width)
    ours = detector(kind).detect(x, **THRESHOLDS)
    assert len(ours) == n
    for found, own in zip(ours, library_answer(random_model(kind), x), strict=True):
        ours_too = own["labels"] > 0
        boxes, scores, classes = (own[each][ours_too] for each in ("boxes", "scores", "labels"))
        assert 0 < len(found.scores) <= 15
        torch.testing.assert_close(found.scores, scores, atol=1e-4, rtol=1e-3)
        apart = (found.boxes_xyxy_px[:, None] - boxes).abs().amax(dim=2)
        same = (apart + 1000 * (found.class_ids[:, None] != classes - 1)).argmin(dim=1)
        assert sorted(same.tolist()) == list(range(len(boxes)))
        torch.testing.assert_close(found.boxes_xyxy_px, boxes[same], atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(found.scores, scores[same], atol=1e-4, rtol=1e-3)
        assert found.class_ids.tolist() == (classes[same] - 1).tolist()


@each_kind
def test_detections_are_among_the_candidates(kind):
    adapter, x = detector(kind), images()
    for class_id in range(len(NAMES)):
        candidates = adapter.candidates(x, class_id, boxes=True)
        for image, found in enumerate(adapter.detect(x, min_score=0.01, iou=0.9, max_detections=1000)):
            mine = found.class_ids == class_id
            some = Detections(
                boxes_xyxy_px=found.boxes_xyxy_px[mine],
                scores=found.scores[mine],
                class_ids=found.class_ids[mine],
            )
            assert (found_in(some, candidates, image, torch.tensor([96.0, 64])) < 0.1).all()
            torch.testing.assert_close(candidates.logits[image].max().sigmoid(), some.scores[0])
        alone = adapter.candidates(x, class_id)
        assert alone.boxes_xyxy_px is None
        torch.testing.assert_close(alone.logits, candidates.logits, atol=1e-5, rtol=1e-5)


@each_kind
def test_windows_show_objects_as_large_as_the_whole_image_does(kind):
    adapter, x = detector(kind), images(height=192, width=192)
    if kind == "ssd":  # its anchors are shares of an input that has one size
        assert adapter.for_windows(192) is None
        return
    whole, windowed = adapter.candidates(x, 0), adapter.for_windows(192).candidates(x[..., :128, :128], 0)
    assert torch.equal(adapter.for_windows(192).candidates(x, 0).logits, whole.logits)
    first, other = (each.proposals or each for each in (whole, windowed))
    points = other.points_xy_px[0]
    same = torch.cdist(points, first.points_xy_px[0]) < 1e-3
    assert points.amax() < 128 < first.points_xy_px.amax()
    assert same.any(dim=1).all()
    if kind in TWO_STAGE:  # the others' heads see too far to know of no edge
        inner = ((points > 24) & (points < 72)).all(dim=1)
        logits = first.logits[:, None].where(same[inner], torch.inf)
        assert (logits - other.logits[:, inner, None]).abs().amin(dim=2).amax() < 1e-3


def slope(value, x: Tensor) -> tuple[float, float]:
    """The derivative of a scalar function of the images along a random direction: ours, by differences."""
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = x.double().requires_grad_()
    ours = (torch.autograd.grad(value(x), x)[0] * direction).sum()
    with torch.no_grad():
        differences = (value(x + 1e-8 * direction) - value(x - 1e-8 * direction)) / 2e-8
    return ours.item(), differences.item()


def double(kind: str, *, still: bool = True) -> TorchvisionDetector:
    """In double precision; `still` keeps proposals in place, as no gradient is taken of their moving."""
    adapter = detector(kind)
    adapter.model.double()
    if kind in TWO_STAGE:
        rpn = adapter.model.rpn
        own = rpn.assign_targets_to_anchors  # gives float32, in which the loss would then be computed
        rpn.assign_targets_to_anchors = lambda *given: [
            [each.double() for each in row] for row in own(*given)
        ]
        if still:
            rpn.head.bbox_pred.weight.zero_()
    return adapter


@each_kind
def test_gradients_of_candidates_are_those_of_differences(kind):
    adapter = double(kind)

    def scores(x: Tensor) -> Tensor:
        found = adapter.candidates(x, 1)
        stages = [found] if found.proposals is None else [found, found.proposals]
        return torch.stack([stage.logits.sigmoid().sum() for stage in stages]).sum()

    ours, differences = slope(scores, images())
    assert abs(ours) > 1e-3
    assert ours == pytest.approx(differences, rel=1e-4)


@each_kind
def test_gradients_of_boxes_are_those_of_differences(kind):
    adapter = double(kind)
    ours, differences = slope(lambda x: adapter.candidates(x, 1, boxes=True).boxes_xyxy_px.sum(), images())
    assert abs(ours) > 1e-3
    assert ours == pytest.approx(differences, rel=1e-4)


@each_kind
def test_gradients_of_losses_are_those_of_differences(kind):
    for name in detector(kind).loss_names:
        adapter = double(kind, still=name != "rpn")
        ours, differences = slope(
            lambda x, name=name, adapter=adapter: adapter.losses(x, RAGGED)[name], images()
        )
        assert abs(ours) > 1e-4
        assert ours == pytest.approx(differences, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("rows", [[], [(0, 1, [10.0, 10, 60, 60])], "ragged"], ids=["none", "one", "ragged"])
@each_kind
def test_losses_are_torchvisions_own(kind, rows):
    model, wanted = random_model(kind), RAGGED if rows == "ragged" else targets(rows)
    found = detector(kind).losses(images(), wanted, torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    model.training = True
    for part in (model.rpn, model.roi_heads) if kind in TWO_STAGE else ():
        part.training, part.mask_roi_pool = True, None
        drawn = part.fg_bg_sampler
        part.fg_bg_sampler = SeededSampler(drawn.batch_size_per_image, drawn.positive_fraction, generator)
    own = model(
        list(images()),
        [
            {"boxes": wanted.boxes_xyxy_px[mine], "labels": wanted.class_ids[mine] + 1}
            for mine in (wanted.image_index == image for image in range(2))
        ],
    )
    names = {
        "loss_classifier": "classifier",
        "loss_box_reg": "box",
        "loss_objectness": "objectness",
        "loss_rpn_box_reg": "rpn",
        "classification": "cls",
        "bbox_regression": "box",
        "bbox_ctrness": "centerness",
    }
    assert set(found) == {"total", *(names[name] for name in own)}
    for name, value in own.items():
        torch.testing.assert_close(found[names[name]], value, atol=1e-4, rtol=1e-4)
        assert not rows or value > 0
    torch.testing.assert_close(found["total"], torch.stack(list(own.values())).sum(), atol=1e-4, rtol=1e-4)


@each_kind
def test_chance_comes_from_the_generator_alone(kind):
    adapter, before = detector(kind), torch.get_rng_state()
    seeded = [
        adapter.losses(images(), RAGGED, torch.Generator().manual_seed(seed))["total"] for seed in (1, 1, 2)
    ]
    unseeded = [adapter.losses(images(), RAGGED)["total"] for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(seeded[0], seeded[1])
    assert torch.equal(*unseeded)
    assert torch.equal(seeded[0], seeded[2]) is (kind not in TWO_STAGE)


@each_kind
def test_threads_may_share_a_detector(kind):
    adapter = detector(kind)
    modes = [module.training for module in adapter.model.modules()]

    def answer(seed: int) -> list[Tensor]:
        x = images(seed)
        losses = adapter.losses(x, RAGGED)
        best = adapter.detect(x, max_detections=seed + 1)[0]
        return [adapter.candidates(x, 0).logits, losses["total"], best.scores]

    alone = [answer(seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as pool:
        torch.testing.assert_close(list(pool.map(answer, range(4))), alone)
    assert modes == [module.training for module in adapter.model.modules()] == [False] * len(modes)


@pytest.mark.parametrize(
    "kind", [each for each in KINDS if each not in TWO_STAGE]
)  # which propose other boxes
def test_half_precision_moves_no_anchor(kind):
    adapter, x = detector(kind), images()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = adapter.candidates(x, 0)
    assert found.logits.dtype == torch.float32
    torch.testing.assert_close(found.points_xy_px, adapter.candidates(x, 0).points_xy_px)


@pytest.mark.parametrize("loss", ["object", "overlap", "max_confidence", "total", "box"])
@each_kind
def test_a_run_takes_a_step_on_windows_where_it_can(kind, loss, tmp_path):
    assert loss in LOSSES
    config = settings(**WITHOUT_CHANCE, iterations=1, view_size=32, losses={loss: 1.0})
    run = begin(photographs(tmp_path, [1, 2]), config, detector(kind))
    before = run.state.patch_chw.clone()
    (step,) = run.iterate()
    side = 64 if kind == "ssd" else 32
    assert next(run.batches([[0, 1]])).images_nchw.shape == (2, 3, side, side)
    assert torch.tensor(step.loss).isfinite()
    assert not torch.equal(run.state.patch_chw, before) or loss not in ("object", "total")


def test_other_models_are_refused():
    with pytest.raises(DetectorError, match="got Linear"):
        adapted(nn.Linear(1, 1))
    model = random_model("fcos")
    model.head.classification_head.cls_logits.bias.data[0] = float("nan")
    with pytest.raises(DetectorError, match=r"cls_logits\.bias"):
        adapted(model)
    with pytest.raises(DetectorError, match=r"class names: expected 3, .* got 1"):
        TorchvisionDetector(random_model("ssd"), name="", architecture="", class_names=["dog"], device=CPU)


@pytest.mark.parametrize(
    ("make", "candidates"),
    [
        (lambda: ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4), 3234),
        (
            lambda: fasterrcnn_mobilenet_v3_large_320_fpn(
                weights=None, weights_backbone=None, num_classes=4, rpn_post_nms_top_n_test=20, min_size=64
            ),
            20,
        ),
        (
            lambda: retinanet_resnet50_fpn_v2(
                weights=None, weights_backbone=None, num_classes=4, min_size=64
            ),
            9 * (64 + 16 + 4 + 1 + 1),
        ),
    ],
    ids=["ssdlite", "faster", "retinanet"],
)
def test_published_architectures_answer(make, candidates):
    x = images(n=1, height=64, width=64).requires_grad_()
    adapter = adapted(make())
    found = adapter.candidates(x, 2, boxes=True)
    assert found.logits.shape == (1, candidates)
    assert found.boxes_xyxy_px.shape == (1, candidates, 4)
    assert torch.autograd.grad(found.logits.sum(), x)[0].any()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in adapter.model.modules())
