# SPDX-License-Identifier: AGPL-3.0-only
"""Suppression of the boxes that overlap objects, by hand."""

from __future__ import annotations

import pytest
import torch

from engine.detectors.base import Predictions
from engine.patch.losses.overlap import overlap_suppression
from tests.engine.patch.factories import targets
from tests.engine.patch.losses.factories import ALL, FIRST, LEFT, SECOND, TINY, scores

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
        ([ALL], [0], 1000, (0.9 + 0.2) / 4 / 2),
    ],
)
def test_overlap_suppression_by_hand(boxes, owners, top_k, expected):
    found = Predictions(boxes_xyxy_px=torch.tensor([PREDICTED] * 2), **vars(scores(FIRST, SECOND)))
    suppression = overlap_suppression(found, targets(boxes, owners, images=2), top_k)
    assert suppression.item() == pytest.approx(expected, abs=1e-6)


def test_boxes_only_choose_who_competes():
    found = Predictions(boxes_xyxy_px=torch.tensor([PREDICTED]), **vars(scores(FIRST)))
    found.boxes_xyxy_px.requires_grad_(True)
    found.logits.requires_grad_(True)
    overlap_suppression(found, targets([ALL], [0]), 4).backward()
    assert found.boxes_xyxy_px.grad is None
    assert (found.logits.grad != 0).tolist() == [[True, True, False, False]]
