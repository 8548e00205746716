# SPDX-License-Identifier: AGPL-3.0-only
"""The highest score of each image, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.detectors.base import ClassScores
from engine.patch.losses.max_confidence import max_confidence
from tests.engine.patch.losses.factories import FIRST, SECOND, scores


@pytest.mark.parametrize(
    ("images", "expected"), [([FIRST], 0.9), ([SECOND], 0.8), ([FIRST, SECOND], (0.9 + 0.8) / 2)]
)
def test_max_confidence_by_hand(images, expected):
    assert max_confidence(scores(*images)).item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_widened(dtype):
    some = ClassScores(
        logits=torch.full((1, 4), -8.0, dtype=dtype),
        points_xy_px=scores(FIRST).points_xy_px,
    )
    assert max_confidence(some).item() == pytest.approx(1 / (1 + math.exp(8)), rel=1e-5)
