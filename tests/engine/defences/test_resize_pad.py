# SPDX-License-Identifier: AGPL-3.0-only
"""Random resizing and padding: everything of the image stays, on grey."""

from __future__ import annotations

import pytest
import torch

from engine.defences.kinds import defended
from engine.defences.moved import GREY
from tests.engine.defences.test_steps import images
from tests.fakes import FakeDetector


@pytest.mark.parametrize(("smallest", "least"), [(1.0, 1.0), (0.5, 0.2)])
def test_images_shrink_at_most_to_the_smallest(smallest: float, least: float) -> None:
    white = torch.ones(1, 3, 64, 64)
    draws = [white - 0.001 * number for number in range(8)]
    changed = [defended(FakeDetector(), [f"resize-pad:{smallest}"]).changed(each) for each in draws]
    shares = [(each > (1 + GREY) / 2).float().mean().item() for each in changed]
    assert all(least <= share <= 1 for share in shares)
    assert (len(set(shares)) > 1) == (smallest < 1)


def test_a_share_of_one_leaves_images_as_they_are() -> None:
    given = images()
    changed = defended(FakeDetector(), ["resize-pad:1"]).changed(given)
    torch.testing.assert_close(changed, given, atol=1e-5, rtol=0)
