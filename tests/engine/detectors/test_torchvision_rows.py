# SPDX-License-Identifier: AGPL-3.0-only
"""Rows of a second stage: gradients of the few that a loss looks at are those of all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import roi_align

from engine.detectors.torchvision_rows import rows_of

LEVELS = [torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
PROPOSALS = [torch.tensor([[0.0, 0, 5, 6], [2, 1, 7, 7], [1, 1, 3, 4]]), torch.tensor([[2.0, 2, 6, 7]])]


def stage(levels, proposals):
    """Two numbers for each proposal, and one; the second level is looked at by neither."""
    pooled = roi_align(levels[0], proposals, 2).flatten(1)
    return pooled[:, :2].square(), pooled.sum(dim=1, keepdim=True)


def gradient_of(made, chosen: Tensor) -> Tensor | None:
    """What of the rows chosen flows back to the first level."""
    levels = [each.clone().requires_grad_() for each in LEVELS]
    pairs, sums = made(levels)
    loss = (pairs[chosen].sum() + 2 * sums[chosen].sum()) if len(chosen) else 0 * pairs.sum()
    return torch.autograd.grad(loss, levels[0])[0]


@pytest.mark.parametrize("chosen", [[], [1], [3], [0, 2, 3], [0, 1, 2, 3]], ids=str)
def test_the_gradient_is_that_of_all_rows(chosen):
    chosen = torch.tensor(chosen, dtype=torch.long)
    found, expected = (
        gradient_of(made, chosen)
        for made in (
            lambda levels: rows_of(stage, levels, PROPOSALS),
            lambda levels: stage(levels, PROPOSALS),
        )
    )
    torch.testing.assert_close(found, expected)


def test_only_rows_that_are_looked_at_are_computed_again():
    sizes = []

    def noting(levels, proposals):
        sizes.append([len(each) for each in proposals])
        return stage(levels, proposals)

    gradient_of(lambda levels: rows_of(noting, levels, PROPOSALS), torch.tensor([1, 3]))
    assert sizes == [[3, 1], [1, 1]]


def test_nothing_proposed():
    levels = [each.clone().requires_grad_() for each in LEVELS]
    pairs, sums = rows_of(stage, levels, [each[:0] for each in PROPOSALS])
    assert (pairs.shape, sums.shape) == ((0, 2), (0, 1))
    assert not torch.autograd.grad(pairs.sum() + sums.sum(), levels[0])[0].any()


def test_the_backward_pass_computes_in_the_precision_of_the_forward_pass():
    kinds = []

    def noting(levels, proposals):
        kinds.append((torch.ones(1, 1) @ torch.ones(1, 1)).dtype)
        return stage(levels, proposals)

    levels = [each.clone().requires_grad_() for each in LEVELS]
    with torch.autocast("cpu", torch.bfloat16):
        sums = rows_of(noting, levels, PROPOSALS)[1]
    torch.autograd.grad(sums.sum(), levels[0])
    assert kinds == [torch.bfloat16] * 2
