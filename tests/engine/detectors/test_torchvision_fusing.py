# SPDX-License-Identifier: AGPL-3.0-only
"""Folding batch norm changes no answer and leaves alone what it does not know."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops.misc import FrozenBatchNorm2d

from engine.detectors.torchvision_fusing import fuse_batch_norm


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d | FrozenBatchNorm2d) for module in model.modules())


class Backwards(nn.Module):
    """Registers a convolution before the norm that it is applied after."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x))


@pytest.mark.parametrize(
    ("make", "left"),
    [
        (nn.Identity, 0),
        (lambda: nn.Sequential(nn.Conv2d(16, 16, 3, bias=False), nn.BatchNorm2d(16, eps=1e-3), nn.ReLU()), 0),
        (lambda: nn.Sequential(nn.Conv2d(16, 16, 3, groups=4), FrozenBatchNorm2d(16, eps=0.0)), 0),
        (lambda: BasicBlock(16, 16), 0),
        (lambda: Bottleneck(16, 4, norm_layer=FrozenBatchNorm2d), 0),
        (lambda: nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU(), nn.BatchNorm2d(16)), 1),
        (Backwards, 1),
    ],
)
def test_answers_stay(make, left):
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | FrozenBatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                values.data = 0.5 + torch.rand(len(values))
    x = torch.rand(2, 16, 8, 8)
    before = model(x)
    fuse_batch_norm(model)
    assert norms(model) == left
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=1e-4)
