# SPDX-License-Identifier: AGPL-3.0-only
"""Differences of neighbouring texels, by hand."""

from __future__ import annotations

import pytest
import torch

from engine.patch.losses.total_variation import total_variation


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ([[0.3, 0.3], [0.3, 0.3]], 0),
        ([[0.0, 1.0], [0.0, 1.0]], 1),
        ([[0.0, 1.0], [1.0, 0.0]], 2),
        ([[0.0, 0.5, 0.1], [0.0, 0.5, 0.1]], 0.45),
    ],
)
def test_total_variation_by_hand(patch, expected):
    assert total_variation(torch.tensor(patch).expand(3, -1, -1)).item() == pytest.approx(expected)
