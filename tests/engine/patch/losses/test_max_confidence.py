# SPDX-License-Identifier: AGPL-3.0-only
"""The highest score of each image, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.detectors.base import Candidates
from engine.patch.losses.max_confidence import max_confidence
from tests.engine.patch.losses.factories import FIRST, SECOND, ragged, scored


@pytest.mark.parametrize(
    ("images", "expected"), [([FIRST], 0.9), ([SECOND], 0.8), ([FIRST, SECOND], (0.9 + 0.8) / 2)]
)
def test_max_confidence_by_hand(images, expected):
    assert max_confidence(scored(*images)).item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_widened(dtype):
    some = Candidates(
        logits=torch.full((1, 4), -8.0, dtype=dtype),
        points_xy_px=scored(FIRST).points_xy_px,
    )
    assert max_confidence(some).item() == pytest.approx(1 / (1 + math.exp(8)), rel=1e-5)


def test_an_image_without_candidates_has_no_confidence():
    found = ragged(FIRST[1:2], [], SECOND)
    found.logits.requires_grad_(True)
    confidence = max_confidence(found)
    assert confidence.item() == pytest.approx((0.2 + 0 + 0.8) / 3)
    confidence.backward()
    assert (found.logits.grad != 0).tolist() == [[True] + [False] * 3, [False] * 4, [False] * 3 + [True]]
