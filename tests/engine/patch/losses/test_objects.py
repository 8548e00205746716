# SPDX-License-Identifier: AGPL-3.0-only
"""Suppression of the scores inside objects, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.detectors.base import Candidates
from engine.patch.losses.objects import object_suppression
from tests.engine.patch.factories import targets
from tests.engine.patch.losses.factories import ALL, FIRST, LEFT, SECOND, TINY, ragged, scored


@pytest.mark.parametrize(
    ("boxes", "owners", "top_k", "expected"),
    [
        ([], [], 2, 0),
        ([ALL], [0], 1, 0.9 / 2),
        ([ALL], [0], 2, (0.9 + 0.4) / 2 / 2),
        ([ALL], [1], 3, (0.8 + 0.7 + 0.6) / 3 / 2),
        ([ALL], [0], 4, (0.9 + 0.2 + 0.4 + 0.1) / 4 / 2),
        ([ALL], [0], 1000, (0.9 + 0.2 + 0.4 + 0.1) / 4 / 2),  # more than there are points
        ([LEFT], [0], 1, 0.9 / 2),
        ([LEFT], [1], 4, (0.5 + 0.7) / 2 / 2),  # more than there are points inside
        ([TINY], [0], 3, 0.1 / 2),  # no point inside: the nearest one
        ([(-30, -30, -20, -20)], [1], 3, 0.5 / 2),
        ([ALL, LEFT, TINY], [0, 1, 1], 1, (0.9 + 0.7 + 0.8) / 2),
        ([LEFT, LEFT], [0, 0], 1, (0.9 + 0.9) / 2),
    ],
)
def test_object_suppression_by_hand(boxes, owners, top_k, expected):
    suppression = object_suppression(scored(FIRST, SECOND), targets(boxes, owners, images=2), top_k)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)


def test_only_the_top_points_of_an_object_get_a_gradient():
    some = scored(FIRST, SECOND)
    some.logits.requires_grad_(True)
    object_suppression(some, targets([LEFT], [1], images=2), 1).backward()
    assert (some.logits.grad != 0).tolist() == [[False] * 4, [False, False, True, False]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_full_precision(dtype):
    some = Candidates(
        logits=torch.full((1, 4), -8.0, dtype=dtype),
        points_xy_px=scored(FIRST).points_xy_px,
    )
    expected = 1 / (1 + math.exp(8))
    assert object_suppression(some, targets([ALL]), 4).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("boxes", "owners", "top_k", "expected"),
    [
        ([], [], 2, 0),
        ([ALL], [0], 1, 0.9 / 3),
        ([ALL], [0], 4, (0.9 + 0.2) / 2 / 3),  # padding is no candidate
        ([ALL], [1], 2, 0),  # nothing is there to be hidden
        ([TINY], [0], 2, 0.2 / 3),  # the nearest one that the image has
        ([(-1, -1, 1, 1)], [0], 2, 0.9 / 3),  # not the padding, whose points are zeros
        ([ALL, ALL, LEFT], [0, 1, 2], 4, ((0.9 + 0.2) / 2 + 0 + (0.5 + 0.7) / 2) / 3),
    ],
)
def test_padding_competes_for_nothing(boxes, owners, top_k, expected):
    some = ragged(FIRST[:2], [], SECOND)
    some.logits.requires_grad_(True)
    suppression = object_suppression(some, targets(boxes, owners, images=3), top_k)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)
    suppression.backward()
    assert some.logits.grad.isfinite().all()
    assert not some.logits.grad[~some.valid].any()


@pytest.mark.parametrize(
    ("boxes", "expected"), [([], 0), ([LEFT], (0.9 + 0.7) / 2), ([TINY], (0.1 + 0.8) / 2)]
)
def test_both_stages_of_a_detector_are_suppressed(boxes, expected):
    second, first = ragged(FIRST, []), scored(SECOND, SECOND)
    for stage in (second, first):
        stage.logits.requires_grad_(True)
    found = replace(second, proposals=first)
    suppression = object_suppression(found, targets(boxes, images=2), 1)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)
    suppression.backward()
    assert all(bool(stage.logits.grad.any()) is bool(boxes) for stage in (second, first))


def test_each_image_may_have_its_own_points():
    some = scored(FIRST, SECOND)
    moved = torch.stack((some.points_xy_px[0], some.points_xy_px[0].flip(0)))
    found = replace(some, points_xy_px=moved)
    assert object_suppression(found, targets([LEFT], [1], images=2), 4).item() == pytest.approx(
        (0.8 + 0.6) / 2 / 2
    )
