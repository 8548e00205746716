# SPDX-License-Identifier: AGPL-3.0-only
"""Denoising by total variation."""

from __future__ import annotations

import pytest
import torch

from engine.defences.kinds import defended
from tests.fakes import FakeDetector


def test_edges_stay_and_noise_goes() -> None:
    edge = torch.full((1, 3, 32, 32), 0.2)
    edge[..., 16:] = 0.8
    noisy = edge + 0.05 * torch.randn(edge.shape, generator=torch.Generator().manual_seed(0))
    changed = defended(FakeDetector(), ["total-variation:weight=0.1:iterations=100"]).changed(noisy)
    assert (changed - edge).abs().mean() < (noisy - edge).abs().mean() / 2
    assert (changed[..., 16] - changed[..., 15]).mean() > 0.4


@pytest.mark.parametrize("weight", [0.01, 1])
def test_what_is_flat_stays(weight: float) -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    changed = defended(FakeDetector(), [f"total-variation:{weight}"]).changed(flat)
    torch.testing.assert_close(changed, flat)


def test_it_minimises_what_it_says() -> None:
    """The energy falls with the iterations towards that of the minimum."""
    noisy = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    energies = []
    for iterations in (1, 5, 50, 200):
        text = f"total-variation:weight=0.2:iterations={iterations}"
        found = defended(FakeDetector(), [text]).changed(noisy)
        right = torch.nn.functional.pad(found.diff(dim=3), (0, 1))
        below = torch.nn.functional.pad(found.diff(dim=2), (0, 0, 0, 1))
        variation = (right.square() + below.square()).sqrt().sum()
        energies.append(((found - noisy).square().sum() / 2 + 0.2 * variation).item())
    assert energies == sorted(energies, reverse=True)
    assert energies[2] == pytest.approx(energies[3], rel=0.02)
