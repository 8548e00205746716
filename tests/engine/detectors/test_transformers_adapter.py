# SPDX-License-Identifier: AGPL-3.0-only
"""Every family of transformers: the adapter answers as the library does, and nothing moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("transformers", reason="pip install -r requirements-transformers.txt")

from engine.detectors.transformers_adapter import TransformersDetector
from engine.errors import DetectorError
from tests.engine.detectors.objects import RAGGED
from tests.engine.detectors.transformers_models import (
    CLASSES,
    FAMILIES,
    SOFTMAX,
    detector,
    processor,
    random_model,
)

CPU = torch.device("cpu")
REFINING = ("rt_detr", "rt_detr_v2", "d_fine")  # detach boxes between layers, as in training


def images(size: tuple[int, int] = (64, 96), n: int = 2, seed: int = 0) -> Tensor:
    """Images of whole levels, as a processor takes them."""
    levels = torch.randint(256, (n, 3, *size), generator=torch.Generator().manual_seed(seed))
    return levels.float() / 255


def own_output(family: str, x: Tensor):
    """What the library answers to these images, not resized."""
    levels = [(each * 255).round().to(torch.uint8) for each in x]
    inputs = processor(family)(
        levels, do_resize=False, return_tensors="pt", input_data_format="channels_first"
    )
    if family == "yolos":
        inputs.pop("pixel_mask", None)
    with torch.no_grad():
        return random_model(family)(**inputs)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[str, TransformersDetector]:
    return request.param, detector(request.param)


def test_says_what_it_is(family):
    name, adapter = family
    assert (adapter.name, adapter.family, adapter.class_names) == ("tiny", name, CLASSES)
    assert (adapter.end_to_end, adapter.stride_px, adapter.device) == (True, 32, CPU)
    assert adapter.for_windows(640) is adapter


@pytest.mark.parametrize("size", [(64, 96), (128, 64)], ids=str)
def test_candidates_are_the_models_own_queries(family, size):
    name, adapter = family
    expected = own_output(name, images(size))
    scores = expected.logits.softmax(2) if name in SOFTMAX else expected.logits.sigmoid()
    centres = expected.pred_boxes[..., :2] * torch.tensor([size[1], size[0]])
    for class_id in range(len(CLASSES)):
        found = adapter.candidates(images(size), class_id, boxes=True)
        torch.testing.assert_close(found.logits.sigmoid(), scores[..., class_id], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(found.points_xy_px, centres, atol=1e-2, rtol=1e-3)
        sides = found.boxes_xyxy_px[..., 2:] - found.boxes_xyxy_px[..., :2]
        torch.testing.assert_close(sides[..., 0], expected.pred_boxes[..., 2] * size[1], atol=1e-2, rtol=1e-3)
    assert adapter.candidates(images(size), 0).boxes_xyxy_px is None


@pytest.mark.parametrize("min_score", [0.0, 0.3, 0.999])
def test_detect_is_the_processors_answer_box_by_box(family, min_score):
    name, adapter = family
    expected = processor(name).post_process_object_detection(
        own_output(name, images()), threshold=min_score, target_sizes=torch.tensor([[64, 96]] * 2)
    )
    for ours, theirs in zip(adapter.detect(images(), min_score=min_score), expected, strict=True):
        order = theirs["scores"].argsort(descending=True, stable=True)[:12]  # never more than queries
        torch.testing.assert_close(ours.scores, theirs["scores"][order], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(ours.boxes_xyxy_px, theirs["boxes"][order], atol=2e-2, rtol=1e-3)
        assert ours.class_ids.tolist() == theirs["labels"][order].tolist()


def test_detect_takes_the_best(family):
    adapter = family[1]
    for all_of_them, best in zip(
        adapter.detect(images()), adapter.detect(images(), max_detections=3), strict=True
    ):
        torch.testing.assert_close(best.scores, all_of_them.scores[:3])


def test_losses_are_the_models_own(family):
    name, adapter = family
    found = adapter.losses(images(), RAGGED)
    assert tuple(found) == TransformersDetector.loss_names
    pixels = (images() - adapter._mean) / adapter._std
    shares = {
        0: [[35 / 96, 35 / 64, 50 / 96, 50 / 64]],
        1: [[22.5 / 96, 27.5 / 64, 35 / 96, 45 / 64], [0.5, 0.5, 1, 1]],
    }
    labels = [
        {"class_labels": torch.tensor(classes), "boxes": torch.tensor(shares[index])}
        for index, classes in enumerate(([1], [0, 2]))
    ]
    expected = random_model(name)(pixel_values=pixels, labels=labels).loss
    torch.testing.assert_close(found["total"], expected, atol=1e-3, rtol=1e-3)
    parts = found["ce"] + found["bbox"] + found["giou"]
    torch.testing.assert_close(found["total"], parts, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    "value",
    [
        lambda adapter, x: adapter.candidates(x, 1).logits.sum(),
        lambda adapter, x: adapter.candidates(x, 1, boxes=True).boxes_xyxy_px[..., 2:].mean(),
    ],
    ids=["scores", "boxes"],
)
@pytest.mark.parametrize("name", [each for each in FAMILIES if each != "dab-detr"])  # which takes no float64
def test_gradients_are_finite_differences(name, value, monkeypatch):
    if name in REFINING:
        monkeypatch.setattr(Tensor, "detach", lambda self: self)
    adapter, x = detector(name), images().double().requires_grad_()
    adapter.model.double()
    (gradient,) = torch.autograd.grad(value(adapter, x), x)
    assert (gradient.abs().flatten(1).amax(1) > 0).all()
    step = 1e-3 * gradient / gradient.square().sum()  # which changes the value by 1e-3
    with torch.no_grad():
        difference = (value(adapter, x + step) - value(adapter, x - step)) / 2
    assert difference.item() == pytest.approx(1e-3, rel=0.1)


def test_batch_norm_is_folded_and_changes_no_answer(family):
    name, adapter = family
    plain = detector(name, fuse=False)
    assert any("running_mean" in each for each in plain.model.state_dict()) == (name != "yolos")
    assert not any("running_mean" in each for each in adapter.model.state_dict())
    ours, theirs = (each.candidates(images(), 0).logits for each in (adapter, plain))
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_images_with_fewer_points_than_queries_are_refused():
    adapter = detector("rt_detr")
    adapter.model.config.num_queries = 22
    with pytest.raises(DetectorError, match=r"at least 22 points .*got 21 in 32 x 32"):
        adapter.candidates(torch.zeros(1, 3, 32, 32), 0)


def test_models_that_answer_otherwise_are_refused():
    model = random_model("detr")
    model.class_labels_classifier = torch.nn.Linear(16, 7)
    with pytest.raises(DetectorError, match=r"expected scores of 3 classes .*got the shapes \[\(1, 12, 7\)"):
        detector("detr", model)
