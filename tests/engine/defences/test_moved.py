# SPDX-License-Identifier: AGPL-3.0-only
"""A detector that sees moved images answers in the coordinates of those as they were."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.defences.moved import Move, Moved, moved, on_grey
from engine.detectors.base import Candidates, Targets
from tests.fakes import FakeDetector, RaggedDetector

HALF = Move(scale=0.5, left_px=8, top_px=24)
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_an_image_goes_where_the_move_says() -> None:
    white = torch.ones(1, 3, 64, 64)
    found = moved(white, (torch.tensor([0.5]), torch.tensor([[8.0, 24.0]])))
    inside = found[0, 0] > 0.75
    rows, columns = inside.any(dim=1).nonzero().flatten(), inside.any(dim=0).nonzero().flatten()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 55, 8, 39)


@pytest.mark.parametrize("detector", [FakeDetector(), RaggedDetector()], ids=["grid", "ragged"])
def test_boxes_and_points_are_moved_back(detector: FakeDetector) -> None:
    there = moved(IMAGES, (torch.tensor([0.5, 0.5]), torch.tensor([[8.0, 24.0]]).repeat(2, 1)))
    seen = detector.candidates(there, 0, boxes=True)
    found = Moved(detector, lambda image: HALF).candidates(IMAGES, 0, boxes=True)
    assert torch.equal(found.logits, seen.logits)
    assert seen.boxes_xyxy_px is not None
    assert found.boxes_xyxy_px is not None
    offset = torch.tensor([8.0, 24.0])
    torch.testing.assert_close(found.points_xy_px * 0.5 + offset, seen.points_xy_px.expand(2, -1, -1))
    torch.testing.assert_close(found.boxes_xyxy_px * 0.5 + offset.repeat(2), seen.boxes_xyxy_px)
    expected, listed = detector.detect(there), Moved(detector, lambda image: HALF).detect(IMAGES)
    for one, other in zip(expected, listed, strict=True):
        torch.testing.assert_close(other.boxes_xyxy_px * 0.5 + offset.repeat(2), one.boxes_xyxy_px)


def test_proposals_are_moved_back_too() -> None:
    class TwoStages(FakeDetector):
        def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
            found = super().candidates(images_nchw, class_id, boxes=boxes)
            return Candidates(logits=found.logits, points_xy_px=found.points_xy_px, proposals=found)

    found = Moved(TwoStages(), lambda image: HALF).candidates(IMAGES, 0)
    assert found.proposals is not None
    assert torch.equal(found.proposals.points_xy_px, found.points_xy_px)
    assert found.boxes_xyxy_px is None


def test_losses_see_the_objects_where_they_went() -> None:
    targets = Targets(
        boxes_xyxy_px=torch.tensor([[16.0, 16, 48, 48]]),
        class_ids=torch.tensor([0]),
        image_index=torch.tensor([1]),
        images=2,
    )
    seen: list[Tensor] = []

    class Watching(FakeDetector):
        def losses(self, images_nchw: Tensor, targets: Targets, generator=None) -> dict[str, Tensor]:
            seen.append(targets.boxes_xyxy_px)
            return {}

    Moved(Watching(), lambda image: HALF).losses(IMAGES, targets)
    assert seen[0].tolist() == [[16, 32, 32, 48]]


def test_a_place_on_grey_keeps_all_of_the_image_inside() -> None:
    for number in range(20):
        move = on_grey(torch.full((3, 32, 64), number / 20), 0.6)
        assert 0.6 <= move.scale <= 1
        assert 0 <= move.left_px <= (1 - move.scale) * 64
        assert 0 <= move.top_px <= (1 - move.scale) * 32
