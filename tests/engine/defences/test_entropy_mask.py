# SPDX-License-Identifier: AGPL-3.0-only
"""Regions of high entropy are painted over, others stay."""

from __future__ import annotations

import torch

from engine.defences.entropy_mask import _entropy
from engine.defences.kinds import defended
from tests.fakes import FakeDetector


def test_entropy_is_a_share_of_the_highest() -> None:
    flat, ramp = torch.full((1, 3, 32, 32), 3 / 7), torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    assert _entropy(flat, 16).abs().max() < 1e-5
    assert 0.4 < _entropy(ramp, 16).max() < 0.8
    noise = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(1, 3, 32, 32)
    assert 0.9 < _entropy(noise, 16).max() <= 1
    assert _entropy(noise, 16).shape == (1, 1, 4, 4)


def test_noise_is_painted_in_the_mean_colour() -> None:
    given = torch.full((1, 3, 64, 64), 0.2)
    noise = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    given[..., 16:40, 16:40] = noise
    changed = defended(FakeDetector(), ["entropy-mask"]).changed(given)
    mean = given.mean()
    assert (changed[..., 24:32, 24:32] - mean).abs().max() < 0.15
    torch.testing.assert_close(changed[..., 56:, 56:], given[..., 56:, 56:], atol=1e-3, rtol=0)
