# SPDX-License-Identifier: AGPL-3.0-only
"""Fixtures of the tests of runs: photographs, and steps along the gradient itself."""

from __future__ import annotations

import pytest
import torch

from engine.patch.optimizers import OptimizerKind
from engine.patch.run import PatchRun
from engine.registries import OPTIMIZERS
from tests.engine.patch.factories import begin, photographs, random_patch

GRADIENT = OptimizerKind(
    name="gradient",
    help="Along the gradient itself.",
    make=lambda patch_chw, rate: torch.optim.SGD([patch_chw], lr=rate),
)


@pytest.fixture
def records(tmp_path):
    return photographs(tmp_path, [1, 0, 2, 1, 3, 0, 2, 1])


@pytest.fixture
def gradients():
    """Lets runs step along the gradient itself: the patch's change is the learning rate times it."""

    def first_gradient(records, config, **options) -> tuple[torch.Tensor, PatchRun]:
        patch = 0.3 + 0.4 * random_patch(config.patch_height, config.patch_width)
        run = begin(records, config.changed(optimizer="gradient"), patch=patch, **options)
        next(run.iterate())
        return (patch - run.state.patch_chw) / config.learning_rate, run

    with OPTIMIZERS.having(GRADIENT):
        yield first_gradient


@pytest.fixture
def whole_batches(monkeypatch):
    """Batches are computed whole: threads would show the detector parts of them."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
