# SPDX-License-Identifier: AGPL-3.0-only
"""Every family: the adapter answers as the model itself does, gradients reach the image, nothing moves."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_convert

from engine.detectors.base import Targets
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_model import class_names
from engine.detectors.ultralytics_model import family as family_of
from engine.detectors.ultralytics_quiet import DetectionModel
from engine.errors import DetectorError
from engine.excerpts import short_repr
from tests.engine.detectors.families import CLASSES, FAMILIES, detector, random_model
from tests.engine.detectors.objects import targets
from tests.engine.test_excerpts import laughs

CPU = torch.device("cpu")


def images(seed: int = 0, n: int = 2, height: int = 64, width: int = 96) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(seed))


def own_boxes(adapter: UltralyticsDetector, x: Tensor) -> Targets:
    """One target an image that the model nearly predicts: only such ones have a share in box and dfl."""
    dense = adapter.candidates(x.detach(), 0, boxes=True)
    points = dense.points_xy_px
    before, after = points - dense.boxes_xyxy_px[..., :2], dense.boxes_xyxy_px[..., 2:] - points
    around = (
        torch.cat((before, after), dim=2).amin(dim=2) > 4
    )  # only boxes around their point can be assigned
    best = dense.logits.masked_fill(~around, -torch.inf).argmax(dim=1)
    return targets([(i, 0, (dense.boxes_xyxy_px[i, a] + 1).tolist()) for i, a in enumerate(best)], n=len(x))


def own_output(model: DetectionModel, x: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (n, a, 4) as corners and scores (n, a, classes) by the unfused model's own inference."""
    head = model.model[-1]
    head.end2end = getattr(head, "one2one_cv2", None) is not None
    with torch.no_grad():
        _, raw = model(x)
        dense = head._inference(raw["one2one"] if head.end2end else raw).transpose(1, 2)
    boxes, scores = dense.split([4, CLASSES], dim=2)
    return (boxes if head.end2end else box_convert(boxes, "cxcywh", "xyxy")), scores


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[str, DetectionModel, UltralyticsDetector]:
    model = random_model(request.param)
    adapter = UltralyticsDetector(copy.deepcopy(model), name=request.param, device=CPU)
    return request.param, model, adapter


def test_says_what_it_is(family):
    name, _, adapter = family
    assert (adapter.family, adapter.end_to_end) == FAMILIES[name]
    assert adapter.class_names == ("0", "1", "2")
    assert (adapter.name, adapter.stride_px, adapter.device) == (name, 32, CPU)


def test_dense_outputs_are_the_models_own(family):
    _, model, adapter = family
    boxes, scores = own_output(model, images())
    assert scores.std() > 0.01  # outputs that hardly vary would agree whatever we computed
    for class_id in range(CLASSES):
        dense = adapter.candidates(images(), class_id, boxes=True)
        torch.testing.assert_close(dense.boxes_xyxy_px, boxes, atol=2e-2, rtol=1e-3)
        torch.testing.assert_close(dense.logits.sigmoid(), scores[..., class_id], atol=1e-4, rtol=1e-3)
        alone = adapter.candidates(images(), class_id)
        torch.testing.assert_close(alone.logits, dense.logits, atol=1e-5, rtol=1e-5)


def test_points_describe_the_grid(family):
    found = family[2].candidates(images(), 0)
    (points,) = found.points_xy_px  # shared by the images
    assert found.logits.shape == (2, len(points))
    assert len(points) == (64 // 8) * (96 // 8) + 4 * 6 + 2 * 3
    assert points[:2].tolist() == [[4, 4], [12, 4]]
    assert points[-1].tolist() == [80, 48]
    assert found.boxes_xyxy_px is found.valid is None


def test_detect_is_the_models_own_choice(family):
    _, model, adapter = family
    found = adapter.detect(images(), min_score=0.2, iou=0.6, max_detections=20)
    boxes, scores = own_output(model, images())
    assert len(found) == 2
    for index, detections in enumerate(found):
        assert 0 < len(detections.scores) <= 20
        assert detections.scores.min() > 0.2
        assert (detections.scores.diff() <= 0).all()
        best = scores[index].max()
        torch.testing.assert_close(detections.scores[0], best, atol=1e-4, rtol=1e-3)
        anchors = (scores[index, :, detections.class_ids[0]] > best - 1e-4).nonzero().flatten()
        distances = (boxes[index, anchors] - detections.boxes_xyxy_px[0]).abs().amax(dim=1)
        assert distances.min() < 0.05  # one of the best anchors, which may tie


def test_end_to_end_detections_are_the_heads_top_k():
    model = random_model("yolo26n")
    model.end2end = True
    with torch.no_grad():
        expected = model(images())[0]
    adapter = UltralyticsDetector(model, name="e2e", device=CPU)
    for found, rows in zip(adapter.detect(images(), min_score=0), expected, strict=True):
        torch.testing.assert_close(found.scores, rows[:, 4], atol=1e-4, rtol=1e-3)
        agree = (found.class_ids == rows[:, 5]).float().mean()
        assert agree > 0.9  # near ties may change places by fusing


def test_gradients_reach_the_image(family):
    adapter = family[2]
    x = images().requires_grad_()
    for output in (adapter.candidates(x, 1).logits, adapter.candidates(x, 1, boxes=True).boxes_xyxy_px):
        (gradient,) = torch.autograd.grad(output.sum(), x)
        assert (gradient.abs().flatten(1).amax(1) > 0).all()
    for loss in adapter.losses(x, own_boxes(adapter, x)).values():
        (gradient,) = torch.autograd.grad(loss, x, retain_graph=True)
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_losses_are_the_criterions_own(family):
    _, model, adapter = family
    wanted = own_boxes(adapter, images())
    found = adapter.losses(images(), wanted)
    training = copy.deepcopy(model)
    training.args = adapter.model.args
    batch = {
        "img": images(),
        "batch_idx": wanted.image_index.float(),
        "cls": wanted.class_ids.float(),
        "bboxes": box_convert(wanted.boxes_xyxy_px, "xyxy", "cxcywh") / torch.tensor([96, 64, 96, 64]),
    }
    expected = training.loss(batch)[0] / 2
    ours = torch.stack([found["box"], found["cls"], found["dfl"]])
    assert (ours > 0).all()
    torch.testing.assert_close(ours, expected, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(found["total"], ours.sum())


def test_checksum_sees_any_change():
    adapter = detector("yolov8n", fuse=False)
    before = adapter.checksum()
    next(m for m in adapter.model.modules() if isinstance(m, torch.nn.BatchNorm2d)).running_mean[0] += 1e-6
    assert adapter.checksum() != before


def test_fusing_changes_no_answer():
    fused, plain = (detector("yolo11n", fuse=fuse) for fuse in (True, False))
    torch.testing.assert_close(
        fused.candidates(images(), 2).logits, plain.candidates(images(), 2).logits, atol=1e-3, rtol=1e-3
    )


def test_end_to_end_can_be_left_for_nms():
    one2one, one2many = detector("yolo26n"), detector("yolo26n", end_to_end=False)
    assert (one2one.end_to_end, one2many.end_to_end) == (True, False)
    assert not torch.allclose(
        one2many.candidates(images(), 0).logits, one2one.candidates(images(), 0).logits, atol=1e-3
    )
    assert one2many.detect(images(), min_score=0.2)[0].scores.numel() > 0


def test_detect_of_chosen_classes_is_a_part_of_all():
    adapter = detector("yolov8n")
    everything, chosen = (
        adapter.detect(images(), max_detections=1000),
        adapter.detect(images(), max_detections=1000, class_ids=[2]),
    )
    for whole, part in zip(everything, chosen, strict=True):
        assert set(part.class_ids.tolist()) == {2}
        torch.testing.assert_close(part.scores, whole.scores[whole.class_ids == 2])
        torch.testing.assert_close(part.boxes_xyxy_px, whole.boxes_xyxy_px[whole.class_ids == 2])


def test_slow_nms_loses_no_image(monkeypatch):
    from ultralytics.utils import nms

    ticks = iter(range(0, 10**7, 1000))
    monkeypatch.setattr(nms.time, "time", lambda: next(ticks))
    assert all(len(found.scores) for found in detector("yolov8n").detect(images(n=3)))


def test_other_models_are_refused():
    from ultralytics.nn.tasks import ClassificationModel, OBBModel

    for kind, config, message in (
        (OBBModel, "yolov8n-obb.yaml", "got one with rotated boxes"),
        (ClassificationModel, "yolov8n-cls.yaml", "got a classification model, which finds no boxes"),
    ):
        with pytest.raises(DetectorError, match=message):
            UltralyticsDetector(kind(config, verbose=False), name="other", device=CPU)
    with pytest.raises(DetectorError, match="got Linear"):
        UltralyticsDetector(torch.nn.Linear(1, 1), name="other", device=CPU)
    with pytest.raises(DetectorError, match="one-to-one head"):
        detector("yolov8n", end_to_end=True)


def test_names_that_are_no_texts_are_shown_in_short():
    assert class_names({0: laughs(), 1: 7}, 3) == [short_repr(laughs()), "7", "2"]
    assert family_of(SimpleNamespace(yaml={"yaml_file": laughs()})) == "yolo"
