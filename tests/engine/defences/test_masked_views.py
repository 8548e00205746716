# SPDX-License-Identifier: AGPL-3.0-only
"""ObjectSeeker on tiny detectors: what it adds, what an attack sees, and that certificates hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.defences.certificates import Certifying
from engine.defences.masked_views import Mask, ObjectSeeker, _clusters, masks_of
from engine.detectors.base import Candidates, Detections, Detector, Targets
from engine.seeding import generator
from tests.fakes import FakeDetector, RaggedDetector

HOW: dict[str, Any] = {"lines": 3, "masked_score": 0.3, "base_score": 0.25, "prune_ioa": 0.6}


def images(seed: int = 0, count: int = 2) -> Tensor:
    return torch.rand(count, 3, 64, 64, generator=generator(seed, 1))


def boxes_at(*rows: tuple[float, ...]) -> Detections:
    """Detections of (x1, y1, x2, y2, score, class)."""
    values = torch.tensor(rows).reshape(-1, 6)
    return Detections(boxes_xyxy_px=values[:, :4], scores=values[:, 4], class_ids=values[:, 5].long())


class Scripted(FakeDetector):
    """Finds what it is told for a whole image, and other things where the left half is black."""

    def __init__(self, whole: Detections, masked: Detections) -> None:
        super().__init__()
        self._whole, self._masked = whole, masked

    def detect(self, images_nchw: Tensor, *, min_score: float = 0.001, **_: Any) -> list[Detections]:  # type: ignore[override]
        found = []
        for image in images_nchw:
            black = bool((image[:, :, :32] == 0).all()) and not bool((image[:, :, 32:] == 0).all())
            each = self._masked if black else (self._whole if bool((image > 0).all()) else boxes_at())
            keep = each.scores >= min_score
            found.append(
                Detections(
                    boxes_xyxy_px=each.boxes_xyxy_px[keep],
                    scores=each.scores[keep],
                    class_ids=each.class_ids[keep],
                )
            )
        return found


def found_by(whole: Detections, masked: Detections) -> list[list[float]]:
    seeker = ObjectSeeker(Scripted(whole, masked), **HOW | {"lines": 1})
    (found,) = seeker.detect(images(count=1) + 0.01)
    columns = [found.boxes_xyxy_px, found.scores[:, None], found.class_ids[:, None].float()]
    return [[round(value, 2) for value in row] for row in torch.cat(columns, dim=1).tolist()]


def test_masks_cover_each_side_of_each_line() -> None:
    assert masks_of(8, 8, 1) == [
        *(Mask(side=side, at_px=4) for side in ("top", "bottom", "left", "right")),
    ]
    assert len(masks_of(64, 64, 3)) == 12
    picture = torch.ones(1, 3, 8, 8)
    shown = {mask.side: mask.hide(picture)[0, 0] for mask in masks_of(8, 8, 1)}
    assert shown["top"][:4].sum() == 0 == shown["bottom"][4:].sum()
    assert shown["left"][:, :4].sum() == 0 == shown["right"][:, 4:].sum()
    assert all(each.sum() == 32 for each in shown.values())
    assert picture.all()


@pytest.mark.parametrize(
    ("whole", "masked", "expected"),
    [
        (boxes_at(), boxes_at(), []),
        (boxes_at((0, 0, 9, 9, 0.9, 0)), boxes_at(), [[0, 0, 9, 9, 0.9, 0]]),
        (boxes_at(), boxes_at((40, 0, 50, 9, 0.8, 0)), [[40, 0, 50, 9, 0.8, 0]]),
        (boxes_at(), boxes_at((40, 0, 50, 9, 0.2, 0)), []),  # below the masked score
        (
            boxes_at((40, 0, 52, 9, 0.9, 0)),
            boxes_at((40, 0, 50, 9, 0.8, 0)),
            [[40, 0, 52, 9, 0.9, 0]],  # explained
        ),
        (
            boxes_at((40, 0, 52, 9, 0.9, 1)),
            boxes_at((40, 0, 50, 9, 0.8, 0)),
            [[40, 0, 52, 9, 0.9, 1], [40, 0, 50, 9, 0.8, 0]],  # another class explains nothing
        ),
        (
            boxes_at((40, 0, 52, 9, 0.1, 0)),
            boxes_at((40, 0, 50, 9, 0.8, 0)),
            [[40, 0, 50, 9, 0.8, 0], [40, 0, 52, 9, 0.1, 0]],  # nor does one below the base score
        ),
        (
            boxes_at(),
            boxes_at((40, 0, 50, 10, 0.7, 0), (40, 0, 50, 11, 0.8, 0), (40, 0, 50, 10, 0.6, 1)),
            [[40, 0, 50, 11, 0.8, 0], [40, 0, 50, 10, 0.6, 1]],  # one box a group and class
        ),
    ],
)
def test_what_masked_images_show_beyond_the_whole_one_is_added(
    whole: Detections, masked: Detections, expected: list[list[float]]
) -> None:
    assert found_by(whole, masked) == expected


def test_groups_are_chains_of_boxes_that_lie_in_each_other() -> None:
    chain = boxes_at((0, 0, 10, 10, 0.5, 0), (0, 0, 10, 20, 0.6, 0), (0, 12, 10, 20, 0.7, 0))
    (joined,) = _clusters([chain])
    assert joined.boxes_xyxy_px.tolist() == [[0, 0, 10, 20]]
    assert joined.scores.item() == pytest.approx(0.7)
    assert _clusters([]) == []


@pytest.mark.parametrize("kind", [FakeDetector, RaggedDetector])
def test_candidates_are_those_of_the_image_and_of_a_masked_one(kind: type[FakeDetector]) -> None:
    seeker, bare = ObjectSeeker(kind(), **HOW), kind()
    seen = images().requires_grad_(True)
    joined = seeker.candidates(seen, 0, boxes=True)
    alone = bare.candidates(seen, 0, boxes=True)
    count = alone.logits.shape[1]
    assert torch.equal(joined.logits[:, :count], alone.logits)
    assert joined.logits.shape[1] > count
    assert joined.boxes_xyxy_px is not None
    assert joined.boxes_xyxy_px.shape == (2, joined.logits.shape[1], 4)
    assert joined.points_xy_px.shape[1] == joined.logits.shape[1]
    joined.logits[joined.logits.isfinite()].sum().backward()
    assert seen.grad is not None
    assert seen.grad.abs().sum() > 0


def test_stages_of_candidates_are_joined_alike() -> None:
    class TwoStage(FakeDetector):
        def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
            found = super().candidates(images_nchw, class_id)
            return Candidates(logits=found.logits, points_xy_px=found.points_xy_px, proposals=found)

    joined = ObjectSeeker(TwoStage(), **HOW).candidates(images(), 0)
    assert joined.proposals is not None
    assert joined.proposals.logits.shape == joined.logits.shape == (2, 128)
    assert (joined.valid, joined.boxes_xyxy_px) == (None, None)


def test_chance_belongs_to_the_image_alone() -> None:
    seeker, pictures = ObjectSeeker(FakeDetector(), **HOW), images(count=3)
    whole = seeker.candidates(pictures, 0).logits
    parts = torch.cat([seeker.candidates(image[None], 0).logits for image in pictures])
    torch.testing.assert_close(whole, parts)
    black = {seeker._masked_by_chance(images(seed, 1))[0, 0].gt(0).sum(dim=0)[::9] for seed in range(6)}
    assert len({tuple(each.tolist()) for each in black}) > 2


def test_losses_are_the_mean_over_both_views() -> None:
    seeker, pictures = ObjectSeeker(FakeDetector(), **HOW), images().requires_grad_(True)
    targets = Targets(
        boxes_xyxy_px=torch.tensor([[8.0, 8, 40, 40]]),
        class_ids=torch.zeros(1, dtype=torch.long),
        image_index=torch.zeros(1, dtype=torch.long),
        images=2,
    )
    losses = seeker.losses(pictures, targets)
    assert set(losses) == set(FakeDetector.loss_names)
    masked = seeker._masked_by_chance(pictures)
    both = [FakeDetector().losses(each, targets)["total"] for each in (pictures, masked)]
    torch.testing.assert_close(losses["total"], (both[0] + both[1]) / 2)
    losses["total"].backward()
    assert pictures.grad is not None


def test_a_flood_of_detections_does_not_push_out_what_masks_show() -> None:
    flood = boxes_at(*((0.0, 0.0, 3.0 + index, 3.0, 0.99, 0.0) for index in range(20)))
    seeker = ObjectSeeker(Scripted(flood, boxes_at((40, 0, 50, 9, 0.8, 0))), **HOW | {"lines": 1})
    (found,) = seeker.detect(images(count=1) + 0.01, max_detections=20)
    assert len(found.scores) == 21
    assert found.scores[-1].item() == pytest.approx(0.8)


def certified_objects(detector: Detector, clean: Tensor) -> tuple[Targets, ObjectSeeker]:
    """The detector's own best detections, as objects."""
    found = detector.detect(clean, min_score=0.3)
    targets = Targets(
        boxes_xyxy_px=torch.cat([each.boxes_xyxy_px[:6] for each in found]),
        class_ids=torch.cat([each.class_ids[:6] for each in found]),
        image_index=torch.cat(
            [torch.full((len(each.scores[:6]),), index) for index, each in enumerate(found)]
        ),
        images=len(clean),
    )
    return targets, ObjectSeeker(detector, **HOW)


@pytest.mark.parametrize("kind", [FakeDetector, RaggedDetector])
def test_what_is_certified_is_found_wherever_a_patch_lies(kind: type[FakeDetector]) -> None:
    clean, share = images(count=2), 0.01
    targets, seeker = certified_objects(kind(), clean)
    certificates = seeker.certify(clean, targets, patch_share=share)
    certain = certificates.everywhere.nonzero().flatten().tolist()
    assert certain
    chance, side = generator(0, 2), int((64 * 64 * share) ** 0.5)
    for turn in range(60):
        top, left = (int(torch.randint(64 - side + 1, (), generator=chance)) for _ in range(2))
        attacked = clean.clone()
        content = torch.rand(3, side, side, generator=chance).round() if turn % 2 else float(turn % 4) / 2
        attacked[:, :, top : top + side, left : left + side] = content
        found = seeker.detect(attacked, min_score=0.25)
        for index in certain:
            each = found[int(targets.image_index[index])]
            alike = each.boxes_xyxy_px[each.class_ids == targets.class_ids[index]]
            box = targets.boxes_xyxy_px[index]
            low, high = torch.maximum(alike[:, :2], box[:2]), torch.minimum(alike[:, 2:], box[2:])
            assert (high - low).clamp(min=0).prod(dim=1).max() > 0


def test_more_is_certified_of_smaller_patches_and_less_of_larger_overlaps() -> None:
    clean = images(count=2)
    targets, seeker = certified_objects(FakeDetector(), clean)

    def count(**how: float) -> int:
        return int(seeker.certify(clean, targets, **how).everywhere.sum())

    assert count(patch_share=0.002) >= count(patch_share=0.05) >= count(patch_share=0.05, ioa=0.5)
    assert count(patch_share=0.05, ioa=0.99) == 0
    with pytest.raises(ValueError, match="patch share"):
        count(patch_share=2.0)


def test_it_is_known_by_what_it_can_do() -> None:
    assert isinstance(ObjectSeeker(FakeDetector(), **HOW), Certifying)
    assert not isinstance(FakeDetector(), Certifying)
