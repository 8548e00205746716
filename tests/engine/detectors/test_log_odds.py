# SPDX-License-Identifier: AGPL-3.0-only
"""Log-odds against their definition in double precision, and where that would overflow."""

from __future__ import annotations

import pytest
import torch

from engine.detectors.log_odds import of_geometric_mean, of_softmax


def test_of_nothing():
    assert of_softmax(torch.zeros(0, 3), 1).shape == of_geometric_mean(torch.zeros(0), torch.zeros(0)).shape


@pytest.mark.parametrize("index", [0, 1, 4])
def test_of_a_softmax(index):
    logits = 3 * torch.randn(2, 7, 5, dtype=torch.float64)
    torch.testing.assert_close(of_softmax(logits, index), logits.softmax(dim=-1)[..., index].logit())


def test_of_a_geometric_mean():
    first, second = 3 * torch.randn(2, 50, dtype=torch.float64)
    score = (first.sigmoid() * second.sigmoid()).sqrt()
    torch.testing.assert_close(of_geometric_mean(first, second), score.logit())


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(60, 60, 60), (-60, -60, -60), (60, -60, -30), (-60, 60, -30), (200, 200, 200), (-200, 200, -100)],
)
def test_scores_near_0_and_1_keep_value_and_gradient(first, second, expected):
    values = torch.tensor([float(first), float(second)], requires_grad=True)
    found = of_geometric_mean(*values)
    found.backward()
    assert found.item() == pytest.approx(expected, abs=1)
    assert values.grad.isfinite().all()
    assert values.grad.sum() > 0.4


def test_sure_classes_keep_value_and_gradient():
    logits = torch.tensor([100.0, -50.0, 0.0], requires_grad=True)
    of_softmax(logits, 0).backward()
    assert of_softmax(logits, 0).item() == 100
    torch.testing.assert_close(logits.grad, torch.tensor([1.0, 0, -1]))
