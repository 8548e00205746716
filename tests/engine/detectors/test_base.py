# SPDX-License-Identifier: AGPL-3.0-only
"""Candidates of batches whose images have different numbers of them."""

from __future__ import annotations

import math

import pytest
import torch

from engine.detectors.base import Candidates, require_images, require_thresholds
from tests.engine.patch.factories import targets
from tests.fakes import FakeDetector, RaggedDetector

NONE, ONE, TWO = [], [0.5], [1.5, -2.0]


def padded(*images: list[float], boxes: bool = False) -> Candidates:
    logits = [torch.tensor(each, requires_grad=True) for each in images]
    points = [torch.full((len(each), 2), 3.0) for each in images]
    return Candidates.padded(
        logits, points, [torch.full((len(each), 4), 5.0) for each in images] if boxes else ()
    )


@pytest.mark.parametrize(
    ("images", "logits"),
    [
        ([NONE], [[-math.inf]]),  # one at least, so that a maximum exists
        ([NONE, NONE], [[-math.inf], [-math.inf]]),
        ([ONE], [ONE]),
        ([TWO, NONE, ONE], [TWO, [-math.inf, -math.inf], [0.5, -math.inf]]),
    ],
)
def test_padding_has_no_score_and_is_told(images, logits):
    found = padded(*images)
    assert found.logits.tolist() == logits
    assert found.valid.tolist() == [[math.isfinite(each) for each in row] for row in logits]
    assert found.points_xy_px.shape == (*found.logits.shape, 2)
    assert (found.points_xy_px == 3).all(dim=2).equal(found.valid)
    assert found.boxes_xyxy_px is None
    with_boxes = padded(*images, boxes=True)
    assert (with_boxes.boxes_xyxy_px == 5).all(dim=2).equal(found.valid)


def test_gradients_reach_what_is_padded():
    logits = [torch.tensor(each, requires_grad=True) for each in (TWO, NONE, ONE)]
    found = Candidates.padded(logits, [torch.zeros(len(each), 2) for each in logits])
    found.logits.sigmoid().sum().backward()
    assert all((each.grad > 0).all() for each in logits)


def test_shared_points_are_not_copied():
    shared = Candidates(logits=torch.zeros(3, 4), points_xy_px=torch.rand(1, 4, 2))
    assert shared.points_of(torch.tensor([2, 0])) is shared.points_xy_px
    own = Candidates(logits=torch.zeros(3, 4), points_xy_px=torch.rand(3, 4, 2))
    assert own.points_of(torch.tensor([2, 0])).equal(own.points_xy_px[[2, 0]])


@pytest.mark.parametrize("kind", [FakeDetector, RaggedDetector])
def test_a_detector_keeps_to_the_protocol(kind):
    """The fakes are what tests of everything else rely on."""
    detector, images = kind(), torch.rand(3, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    plain, boxed = (detector.candidates(images, 1, boxes=boxes) for boxes in (False, True))
    n, k = plain.logits.shape
    assert plain.boxes_xyxy_px is None
    assert boxed.boxes_xyxy_px.shape == (n, k, 4)
    assert plain.points_xy_px.shape in ((1, k, 2), (n, k, 2))
    assert not plain.points_xy_px.requires_grad
    assert boxed.logits.equal(plain.logits)
    assert plain.valid is None or plain.valid.equal(plain.logits > -math.inf)
    assert set(detector.losses(images, targets(images=3))) == set(detector.loss_names)
    alone = [detector.candidates(image[None], 1) for image in images]
    counts = [int(each.logits.isfinite().sum()) for each in alone]
    assert counts == plain.logits.isfinite().sum(dim=1).tolist()
    assert (len(set(counts)) > 1) is (kind is RaggedDetector)
    for index, each in enumerate(alone):
        torch.testing.assert_close(each.logits[0], plain.logits[index, : each.logits.shape[1]])


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ((-0.1, 0.5, 1), "min_score: expected 0 to 1"),
        ((0.5, 1.1, 1), "iou: expected 0 to 1"),
        ((0.5, 0.5, 0), "max_detections: expected 1 to 1000000"),
    ],
)
def test_thresholds_have_their_ranges(thresholds: tuple, message: str) -> None:
    require_thresholds(0, 1, 1)
    with pytest.raises(ValueError, match=message):
        require_thresholds(*thresholds)


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 0), (1, 3, 64, 48)])
def test_images_have_the_detectors_shape(shape: tuple[int, ...]) -> None:
    require_images(torch.zeros(2, 3, 32, 64), 32)
    with pytest.raises(
        ValueError, match=r"expected \(n, 3, h, w\) with sides divisible by 32, got .*; letterbox"
    ):
        require_images(torch.zeros(shape), 32)
