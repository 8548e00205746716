# SPDX-License-Identifier: AGPL-3.0-only
"""Folds the batch norm of torchvision's models into the convolutions before it."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops.misc import FrozenBatchNorm2d

# Modules that apply a convolution and the batch norm registered after it one after the other; in others the
# order of registration says nothing.
IN_ORDER = (nn.Sequential, IntermediateLayerGetter, BasicBlock, Bottleneck)


def fuse_batch_norm(model: nn.Module) -> None:
    """Fold batch norm, frozen or not, into convolutions in place; the model must be in eval mode."""
    for module in list(model.modules()):
        if isinstance(module, IN_ORDER):
            for (name, layer), (next_name, following) in pairwise(list(module.named_children())):
                if _is_pair(layer, following):
                    setattr(module, name, fuse_conv_bn_eval(layer, following))
                    setattr(module, next_name, nn.Identity().eval())


def _is_pair(layer: nn.Module, following: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d | FrozenBatchNorm2d)
