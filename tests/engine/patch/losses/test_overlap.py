# SPDX-License-Identifier: AGPL-3.0-only
"""Suppression of the boxes that overlap objects, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.patch.losses.overlap import overlap_suppression
from tests.engine.patch.factories import targets
from tests.engine.patch.losses.factories import ALL, FIRST, LEFT, SECOND, TINY, ragged, scored

# The boxes predicted at the four points: the whole image, its left half, a third of it, far outside.
PREDICTED = [(0.0, 0, 16, 16), (0, 0, 8, 16), (0, 0, 16, 5), (90, 90, 99, 99)]


@pytest.mark.parametrize(
    ("boxes", "owners", "top_k", "expected"),
    [
        ([], [], 2, 0),
        ([ALL], [0], 1, 0.9 / 2),
        ([ALL], [0], 2, (0.9 + 0.2) / 2 / 2),  # a half overlaps by 0.5
        ([ALL], [0], 4, (0.9 + 0.2) / 4 / 2),  # a third is too little, what lies outside does not compete
        ([LEFT], [1], 2, (0.6 + 0.5) / 2 / 2),
        ([TINY], [0], 3, 0),  # nothing overlaps it enough
        ([ALL, LEFT, TINY], [0, 1, 1], 1, (0.9 + 0.6 + 0) / 2),
        ([ALL], [0], 1000, (0.9 + 0.2) / 1000 / 2),  # those that lack count as 0
    ],
)
def test_overlap_suppression_by_hand(boxes, owners, top_k, expected):
    found = replace(scored(FIRST, SECOND), boxes_xyxy_px=torch.tensor([PREDICTED] * 2))
    suppression = overlap_suppression(found, targets(boxes, owners, images=2), top_k)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)


def test_boxes_only_choose_who_competes():
    found = replace(scored(FIRST), boxes_xyxy_px=torch.tensor([PREDICTED]))
    found.boxes_xyxy_px.requires_grad_(True)
    found.logits.requires_grad_(True)
    overlap_suppression(found, targets([ALL], [0]), 4).backward()
    assert found.boxes_xyxy_px.grad is None
    assert (found.logits.grad != 0).tolist() == [[True, True, False, False]]


def test_the_image_with_most_candidates_changes_nothing_of_the_others():
    found = ragged(FIRST[:2], [], SECOND, boxes=PREDICTED)
    objects = targets([ALL, ALL, LEFT], [0, 1, 2], images=3)
    found.logits.requires_grad_(True)
    suppression = overlap_suppression(found, objects, 3)
    assert suppression.item() == pytest.approx(((0.9 + 0.2) / 3 + 0 + (0.5 + 0.6) / 3) / 3)
    suppression.backward()
    assert (found.logits.grad != 0).tolist() == [
        [True, True, False, False],
        [False] * 4,
        [True, True] + [False] * 2,
    ]


def test_boxes_have_to_be_asked_for():
    with pytest.raises(ValueError, match="expected candidates with boxes"):
        overlap_suppression(scored(FIRST), targets([ALL], [0]), 1)
