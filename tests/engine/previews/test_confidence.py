# SPDX-License-Identifier: AGPL-3.0-only
"""Scores of candidates as a map over the image."""

from __future__ import annotations

import pytest
import torch

from engine.detectors.base import Candidates
from engine.previews.confidence import CELL_PX, overlaid, score_maps


@pytest.mark.parametrize("shared", [True, False])
def test_each_cell_has_the_highest_score_that_looks_there(shared: bool) -> None:
    points = torch.tensor([[[100.0, 40.0], [101.0, 41.0], [-9.0, 500.0]]])
    logits = torch.tensor([[0.0, 4.0, -1.0], [0.0, -4.0, float("-inf")]])
    both = points if shared else points.expand(2, -1, -1)
    first, second = score_maps(Candidates(logits=logits, points_xy_px=both), 64, 160)
    assert first.shape == (8, 20)
    assert float(first[40 // CELL_PX, 100 // CELL_PX]) == pytest.approx(float(torch.tensor(4.0).sigmoid()))
    assert float(first[7, 0]) == pytest.approx(float(torch.tensor(-1.0).sigmoid()))  # moved to the edge
    assert float(second.max()) == 0.5
    assert float(first[0, 0]) == 0


def test_the_image_is_grey_where_nothing_is_seen_and_coloured_where_something_is() -> None:
    image = torch.rand(3, 30, 44, generator=torch.Generator().manual_seed(0))
    scores = torch.zeros(4, 6)
    assert overlaid(image, scores).std(dim=0).max() < 1e-6
    scores[1, 1] = 0.75
    shown = overlaid(image, scores)
    assert shown.shape == image.shape
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 1
    assert float(shown[0, 12, 12] - shown[2, 12, 12]) > 0.3
