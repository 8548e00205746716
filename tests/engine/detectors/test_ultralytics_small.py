# SPDX-License-Identifier: AGPL-3.0-only
"""The small YOLO11 has the size, strides and kind of head that it is meant to have."""

from __future__ import annotations

import pytest
import torch

from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_small import yolo11_small


def test_it_is_small_and_another_at_each_call() -> None:
    torch.manual_seed(0)
    first, second = yolo11_small(), yolo11_small()
    assert 500_000 < sum(value.numel() for value in first.parameters()) < 1_500_000
    assert first.stride.tolist() == [8, 16, 32]
    assert not all(map(torch.equal, first.parameters(), second.parameters()))


@pytest.mark.parametrize("side", [64, 96])
def test_it_is_a_yolo11_that_gives_candidates_on_each_stride(side: int) -> None:
    detector = UltralyticsDetector(yolo11_small(), name="small", device=torch.device("cpu"))
    assert detector.family == "yolo11"
    cells = sum((side // stride) ** 2 for stride in (8, 16, 32))
    assert detector.candidates(torch.rand(1, 3, side, side), 0).logits.shape == (1, cells)
