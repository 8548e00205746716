# SPDX-License-Identifier: AGPL-3.0-only
"""Placing: the object convention by hand, places inside the image, chance within its bounds, mirrors."""

from __future__ import annotations

import math

import pytest
import torch

from engine.config import AugmentationConfig, PlacementConfig
from engine.patch.transforms import mirror, place
from tests.engine.patch.factories import targets

CANVAS = (60, 100)  # height, width
CHANCE = AugmentationConfig(shift=0.2, resize=0.3, rotation_deg=20, contrast=0.4, brightness=0.1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("boxes", "placement", "centres", "sides"),
    [
        ([], {}, [], []),
        ([(10, 20, 50, 50)], {}, [(30, 32)], [10]),  # 40 wide, 30 high: diagonal 50
        ([(0, 0, 6, 8), (10, 20, 50, 50)], {}, [(3, 3.2), (30, 32)], [2, 10]),
        ([(10, 20, 50, 50)], {"scale": 0.5}, [(30, 32)], [25]),
        ([(10, 20, 50, 50)], {"rise": 0.5}, [(30, 20)], [10]),
        ([(10, 20, 50, 50)], {"rise": -0.1}, [(30, 38)], [10]),
    ],
)
def test_on_each_object(boxes, placement, centres, sides):
    owners = list(range(len(boxes)))
    placed = place(
        targets(boxes, owners, images=3), canvas_hw=CANVAS, aspect=1, placement=PlacementConfig(**placement)
    )
    assert placed.image_index.tolist() == owners
    torch.testing.assert_close(placed.centre_xy_px, torch.tensor(centres).reshape(-1, 2).float())
    torch.testing.assert_close(placed.size_wh_px, torch.tensor(sides).float()[:, None].expand(-1, 2))
    assert placed.angle_rad.tolist() == [0] * len(boxes)
    assert placed.gain.tolist() == [1] * len(boxes)
    assert placed.offset.tolist() == [0] * len(boxes)


@pytest.mark.parametrize("kind", ["object", "random", "fixed"])
@pytest.mark.parametrize("aspect", [0.25, 1.0, 3.0])
def test_the_aspect_keeps_the_area(aspect, kind):
    placed = place(
        targets([(10, 20, 50, 50)]), canvas_hw=CANVAS, aspect=aspect, placement=PlacementConfig(kind=kind)
    )
    ((width, height),) = placed.size_wh_px.tolist()
    side = 10 if kind == "object" else 12
    assert width / height == pytest.approx(aspect)
    assert width * height == pytest.approx(side**2)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("scale", [0.01, 0.2, 0.7])
def test_random_places_are_inside_the_image_and_everywhere_in_it(scale, aspect):
    placed = place(
        targets(images=400),
        canvas_hw=CANVAS,
        aspect=aspect,
        placement=PlacementConfig(kind="random", scale=scale),
        generator=seeded(),
    )
    assert placed.image_index.tolist() == list(range(400))
    low = placed.centre_xy_px - placed.size_wh_px / 2
    high = placed.centre_xy_px + placed.size_wh_px / 2
    free = torch.tensor([100.0, 60.0]) - placed.size_wh_px[0]
    assert (low >= -1e-4).all()
    assert (high <= torch.tensor([100.0, 60.0]) + 1e-4).all()
    assert ((low.amax(dim=0) - low.amin(dim=0)) > 0.95 * free).all()


@pytest.mark.parametrize(
    ("position", "scale", "aspect", "corners"),
    [
        ((0, 0), 0.5, 1, (0, 0, 30, 30)),
        ((1, 1), 0.5, 1, (70, 30, 100, 60)),
        ((0.5, 0.5), 0.5, 1, (35, 15, 65, 45)),
        ((0, 1), 0.5, 4, (0, 45, 60, 60)),
        ((1, 0), 0.5, 0.25, (85, 0, 100, 60)),
        ((0.5, 0), 1, 4, (-10, 0, 110, 30)),  # wider than the image: centred
    ],
)
def test_fixed_places(position, scale, aspect, corners):
    placement = PlacementConfig(kind="fixed", scale=scale, position=position)
    placed = place(targets(images=2), canvas_hw=CANVAS, aspect=aspect, placement=placement)
    centres, halves = placed.centre_xy_px, placed.size_wh_px / 2
    found = torch.cat([centres - halves, centres + halves], dim=1)
    torch.testing.assert_close(found, torch.tensor([corners, corners]).float(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("amount", ["none", "some"])
def test_chance_stays_within_its_bounds_and_uses_them(amount):
    chance = AugmentationConfig.none() if amount == "none" else CHANCE
    many = targets([(10, 20, 50, 50)] * 2000)
    arguments = {"canvas_hw": CANVAS, "aspect": 1, "placement": PlacementConfig()}
    placed = place(many, **arguments, augmentation=chance, generator=seeded())
    plain = place(many, **arguments)
    side = placed.size_wh_px[:, 0]
    for values, most in (
        ((placed.centre_xy_px - plain.centre_xy_px)[:, 0] / side, chance.shift),
        ((placed.centre_xy_px - plain.centre_xy_px)[:, 1] / side, chance.shift),
        ((side / plain.size_wh_px[:, 0]).log(), math.log(1 + chance.resize)),
        (placed.angle_rad, math.radians(chance.rotation_deg)),
        (placed.gain - 1, chance.contrast),
        (placed.offset, chance.brightness),
    ):
        assert values.min().item() == pytest.approx(-most, abs=0.02 * most + 1e-6)
        assert values.max().item() == pytest.approx(most, abs=0.02 * most + 1e-6)
        assert values.mean().item() == pytest.approx(0, abs=0.05 * most + 1e-6)


@pytest.mark.parametrize("kind", ["object", "random", "fixed"])
def test_a_generator_decides_everything(kind):
    def placed(seed: int) -> list[torch.Tensor]:
        objects = targets([(10, 20, 50, 50)] * 3, [0, 1, 1], images=2)
        placement = PlacementConfig(kind=kind)
        chosen = place(
            objects,
            canvas_hw=CANVAS,
            aspect=1,
            placement=placement,
            augmentation=CHANCE,
            generator=seeded(seed),
        )
        return list(vars(chosen).values())

    assert all(torch.equal(first, second) for first, second in zip(placed(0), placed(0), strict=True))
    different = [not torch.equal(first, second) for first, second in zip(placed(0), placed(1), strict=True)]
    assert different == [False, True, True, True, True, True]


def test_mirrored_boxes_lie_on_the_mirrored_pixels():
    images = torch.zeros(40, 3, 20, 30, dtype=torch.uint8)
    boxes = [(index % 9, 3, index % 9 + 5, 9) for index in range(40)]
    for image, (x1, y1, x2, y2) in zip(images, boxes, strict=True):
        image[:, y1:y2, x1:x2] = 255
    before = images.clone()
    mirrored, objects = mirror(images, targets(boxes, list(range(40)), images=40), seeded())
    assert torch.equal(images, before)
    moved = 0
    for index, (x1, y1, x2, y2) in enumerate(objects.boxes_xyxy_px.int().tolist()):
        assert (mirrored[index, :, y1:y2, x1:x2] == 255).all()
        assert (mirrored[index] == 255).sum() == 3 * 5 * 6
        moved += (x1, y1, x2, y2) != boxes[index]
    assert 10 < moved < 30


def test_mirroring_takes_images_without_objects_and_repeats_itself():
    images = torch.randint(0, 256, (8, 3, 4, 6), generator=seeded(5), dtype=torch.uint8)
    mirrored, objects = mirror(images, targets(images=8), seeded(1))
    assert objects.boxes_xyxy_px.shape == (0, 4)
    assert torch.equal(mirrored, mirror(images, targets(images=8), seeded(1))[0])
    for before, after in zip(images, mirrored, strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))
    assert not torch.equal(mirrored, images)
