# SPDX-License-Identifier: AGPL-3.0-only
"""Suppression of the scores inside objects, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.detectors.base import ClassScores
from engine.patch.losses.objects import object_suppression
from tests.engine.patch.factories import targets
from tests.engine.patch.losses.factories import ALL, FIRST, LEFT, SECOND, TINY, scores


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
    suppression = object_suppression(scores(FIRST, SECOND), targets(boxes, owners, images=2), top_k)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)


def test_only_the_top_points_of_an_object_get_a_gradient():
    some = scores(FIRST, SECOND)
    some.logits.requires_grad_(True)
    object_suppression(some, targets([LEFT], [1], images=2), 1).backward()
    assert (some.logits.grad != 0).tolist() == [[False] * 4, [False, False, True, False]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_full_precision(dtype):
    some = ClassScores(
        logits=torch.full((1, 4), -8.0, dtype=dtype),
        points_xy_px=scores(FIRST).points_xy_px,
    )
    expected = 1 / (1 + math.exp(8))
    assert object_suppression(some, targets([ALL]), 4).item() == pytest.approx(expected, rel=1e-5)
