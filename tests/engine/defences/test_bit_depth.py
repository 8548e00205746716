# SPDX-License-Identifier: AGPL-3.0-only
"""Fewer levels for each colour."""

from __future__ import annotations

import pytest
import torch

from engine.defences.kinds import defended
from tests.fakes import FakeDetector


@pytest.mark.parametrize(("bits", "levels"), [(1, 2), (2, 4), (8, 256)])
def test_colours_have_so_many_levels(bits: int, levels: int) -> None:
    given = torch.linspace(0, 1, 3 * 32 * 32).view(1, 3, 32, 32)
    changed = defended(FakeDetector(), [f"bit-depth:{bits}"]).changed(given)
    assert len(changed.unique()) == levels
    assert (changed - given).abs().max() <= 0.5 / (levels - 1) + 1e-6
