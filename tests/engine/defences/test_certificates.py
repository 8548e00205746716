# SPDX-License-Identifier: AGPL-3.0-only
"""Certificates, compared with all places of a patch one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.defences.certificates import CLOSE, Certificates, Hidden, certificates, surviving
from engine.errors import SettingsError
from engine.seeding import generator

CANVAS = (30, 40)
PATCH = 6  # pixels: the side of 3 per cent of that canvas
SHARE = 0.03
YES = torch.tensor([True])


def of(views: list[Hidden], box: tuple[int, ...] = (10, 8, 20, 18), share: float = SHARE) -> Certificates:
    return certificates(views, torch.tensor([box]).float(), canvas_hw=CANVAS, patch_share=share)


def one_by_one(views: list[Hidden], box: tuple[int, ...]) -> dict[str, bool]:
    """The same by going through all places, as the reference does by maps of pixels."""
    height, width = CANVAS
    survives = dict.fromkeys(("far", "close", "over"), True)
    for y in range(-PATCH, height + 1):
        for x in range(-PATCH, width + 1):
            hides = any(
                {
                    "top": y + PATCH <= view.at_px,
                    "bottom": y >= view.at_px,
                    "left": x + PATCH <= view.at_px,
                    "right": x >= view.at_px,
                }[view.side]
                or y + PATCH <= 0
                or x + PATCH <= 0
                or y >= height
                or x >= width
                for view in views
                if view.survives[0]
            )
            if not hides:
                survives[_place(x, y, box)] = False
    return survives


def _place(x: int, y: int, box: tuple[int, ...]) -> str:
    def touches(margin_x: int, margin_y: int) -> bool:
        return (
            box[0] - margin_x - PATCH <= x <= box[2] + margin_x
            and box[1] - margin_y - PATCH <= y <= box[3] + margin_y
        )

    if touches(0, 0):
        return "over"
    return "close" if touches(int(CLOSE * CANVAS[1]), int(CLOSE * CANVAS[0])) else "far"


def test_without_objects_there_is_nothing_to_certify() -> None:
    none = certificates([], torch.zeros(0, 4), canvas_hw=CANVAS, patch_share=SHARE)
    assert none.everywhere.shape == (0,)


def test_without_a_view_nothing_is_certified() -> None:
    found = of([])
    assert not (found.far | found.close | found.over).any()


def test_views_of_two_sides_that_overlap_by_the_patch_certify_everywhere() -> None:
    enough = [Hidden(side="top", at_px=15, survives=YES), Hidden(side="bottom", at_px=10, survives=YES)]
    assert of(enough).everywhere.item()
    assert not of([enough[0], Hidden(side="bottom", at_px=11, survives=YES)]).everywhere.item()
    assert not of([enough[0], Hidden(side="bottom", at_px=10, survives=~YES)]).everywhere.item()


def test_a_patch_without_an_area_is_certified_where_all_is_seen() -> None:
    assert of([Hidden(side="left", at_px=40, survives=YES)], share=0.0).everywhere.item()


@pytest.mark.parametrize("seed", range(40))
def test_they_agree_with_all_places_one_by_one(seed: int) -> None:
    chance = generator(seed, 1)

    def whole(below: int) -> int:
        return int(torch.randint(below, (), generator=chance))

    sides = ("top", "bottom", "left", "right")
    views = [
        Hidden(side=sides[whole(4)], at_px=whole(30), survives=torch.rand(1, generator=chance) < 0.7)
        for _ in range(whole(7))
    ]
    left, top = whole(30), whole(20)
    box = (left, top, left + 3 + whole(8), top + 3 + whole(8))
    found = of(views, box)
    assert {place: getattr(found, place).item() for place in ("far", "close", "over")} == one_by_one(
        views, box
    )


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="patch share: expected 0 to 1"):
        of([], share=share)


@pytest.mark.parametrize(
    ("boxes", "ioa", "expected"),
    [
        ([], 0.0, False),
        ([(0, 0, 10, 10)], 0.0, True),  # the object itself: 0.6 of it is left in the worst case
        ([(0, 0, 10, 10)], 0.59, True),
        ([(0, 0, 10, 10)], 0.61, False),
        ([(0, 0, 10, 20)], 0.0, True),  # half of it outside: a tenth of it is sure to lie over the object
        ([(0, 0, 10, 20)], 0.21, False),
        ([(0, 0, 10, 30)], 0.0, False),  # two thirds outside: an attacker's box may cover these alone
        ([(20, 20, 30, 30)], 0.0, False),
        ([(20, 20, 30, 30), (0, 0, 5, 10)], 0.0, True),
        ([(-50, 0, 10, 10)], 0.59, True),  # what lies outside the image counts for nothing
    ],
)
def test_what_survives_is_what_an_attackers_box_cannot_avoid(
    boxes: list[tuple[int, ...]], ioa: float, expected: bool
) -> None:
    thing: Tensor = torch.tensor([0.0, 0, 10, 10])
    found = torch.tensor(boxes).float().reshape(-1, 4)
    assert surviving(thing, found, canvas_hw=CANVAS, prune_ioa=0.6, ioa=ioa) is expected


def test_an_object_without_an_area_does_not_survive() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]])
    assert not surviving(torch.zeros(4), boxes, canvas_hw=CANVAS, prune_ioa=0.6, ioa=0.0)
