# SPDX-License-Identifier: AGPL-3.0-only
"""Optimizers by name."""

from __future__ import annotations

import pytest
import torch

from engine.patch.updates import PyramidAdam, SignGradient
from engine.registries import OPTIMIZERS


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("adam", torch.optim.Adam, {"weight_decay": 0}),
        ("pyramid-adam", PyramidAdam, {"levels": 6, "betas": (0.9, 0.999)}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 1e-4}),
        ("sign", SignGradient, {"momentum": 0}),
        ("sign-momentum", SignGradient, {"momentum": 0.9}),
    ],
)
def test_the_optimizer_of_each_name(name, kind, options):
    patch = torch.zeros(3, 4, 4, requires_grad=True)
    optimizer = OPTIMIZERS[name].make(patch, 0.02)
    (group,) = optimizer.param_groups
    assert type(optimizer) is kind
    assert group["params"][0] is patch
    assert {key: group[key] for key in ("lr", *options)} == {"lr": 0.02, **options}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_down_a_slope(name):
    patch = torch.full((3, 4, 4), 0.5, requires_grad=True)
    optimizer = OPTIMIZERS[name].make(patch, 0.02)
    for _ in range(5):
        optimizer.zero_grad()
        patch.square().sum().backward()
        optimizer.step()
    assert patch.max() < 0.45
