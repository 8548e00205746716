# SPDX-License-Identifier: AGPL-3.0-only
"""The sampler keeps torchvision's numbers and draws from its generator alone."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

from engine.detectors.torchvision_sampling import SeededSampler


def drawn(labels: list[torch.Tensor], seed: int = 0, size: int = 8, share: float = 0.25):
    return SeededSampler(size, share, torch.Generator().manual_seed(seed))(labels)


@pytest.mark.parametrize(
    "labels",
    [[], [0], [1, 1, -1], [-1] * 5, [0] * 20, [1] * 20, [1] * 3 + [0] * 30 + [-1] * 9, [2] + [0] * 3],
    ids=str,
)
def test_as_many_as_torchvision_draws(labels):
    given = [torch.tensor(labels, dtype=torch.float32)] * 2
    own = BalancedPositiveNegativeSampler(8, 0.25)(given)
    ours = drawn(given)
    for kind, allowed in zip(range(2), (given[0] >= 1, given[0] == 0), strict=True):
        assert [int(mask.sum()) for mask in ours[kind]] == [int(mask.sum()) for mask in own[kind]]
        assert not any((mask & ~allowed).any() for mask in ours[kind])


def test_seeds_decide_and_the_global_state_stays():
    before = torch.get_rng_state()
    labels = [torch.zeros(100)]
    first, again, other = (drawn(labels, seed)[1][0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
