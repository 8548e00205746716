# SPDX-License-Identifier: AGPL-3.0-only
"""Weights that no detector may have, and a checksum that sees any change."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from engine.detectors.frozen import checksum, require_finite
from engine.errors import DetectorError


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()


def test_a_model_without_weights():
    require_finite(nn.Identity())
    assert checksum(nn.Identity()) == checksum(nn.ReLU())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda model: model[0].weight.data.fill_(float("inf")), "infinite or NaN values in 0.weight"),
        (lambda model: model[1].running_var.fill_(float("nan")), "in 1.running_var"),
        (lambda model: prune.random_unstructured(model[0], "weight", 0.5), "pruning mask"),
    ],
)
def test_weights_that_find_nothing_are_refused(spoil, message):
    model = layers()
    require_finite(model)
    spoil(model)
    with pytest.raises(DetectorError, match=message):
        require_finite(model)


def test_the_checksum_sees_any_change():
    model = layers()
    before = checksum(model)
    assert before == checksum(layers())
    assert checksum(model.to(memory_format=torch.channels_last)) == before
    model[1].running_mean[0] += 1e-6
    assert checksum(model) != before
