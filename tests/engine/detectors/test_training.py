# SPDX-License-Identifier: AGPL-3.0-only
"""What trainers of all families share: chance by epoch, and no step with a loss that is no number."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch

from engine.detectors.training import require_finite_loss, seed_epoch
from engine.errors import NonFiniteLossError


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002


def test_chance_is_a_function_of_seed_and_epoch() -> None:
    found = {}
    for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0)):
        seed_epoch(seed, epoch)
        values = drawn()
        assert found.setdefault((seed, epoch), values) == values
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_refused(value: float) -> None:
    require_finite_loss(torch.tensor(1.0), 1)
    with pytest.raises(NonFiniteLossError, match=r"expected a finite loss, got .* in epoch 3; lower"):
        require_finite_loss(torch.tensor(value), 3)
