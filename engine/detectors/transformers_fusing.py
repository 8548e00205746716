# SPDX-License-Identifier: AGPL-3.0-only
"""Folds the batch norm of transformers' models into the convolutions before it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

_PARTS = ("weight", "bias", "running_mean", "running_var")


def fused(model: Any, answer: Callable[[Any], tuple[Tensor, ...]]) -> Any:
    """A copy of the model with batch norm folded in; the model itself if its answer would change.

    Whether a module applies its parts in the order of their names is not known for every model, so a trial
    decides.

    Args:
        model: in eval mode.
        answer: what it answers to a trial image.
    """
    other = copy.deepcopy(model)
    for module in list(other.modules()):
        for (name, layer), (next_name, following) in pairwise(list(module.named_children())):
            if _is_pair(layer, following):
                setattr(module, name, _convolution(layer, following))
                setattr(module, next_name, nn.Identity())
    same = all(
        torch.allclose(ours, theirs, atol=1e-3, rtol=1e-3)
        for ours, theirs in zip(answer(other), answer(model), strict=True)
    )
    return other if same else model


def _is_pair(layer: Any, following: Any) -> bool:
    """Whether a layer is a convolution with batch norm, frozen or not, after it."""
    if type(layer) is not nn.Conv2d or any(not hasattr(following, part) for part in _PARTS):
        return False
    return getattr(following, "weight", None) is not None and len(following.weight) == layer.out_channels


def _convolution(layer: Any, norm: Any) -> nn.Conv2d:
    """The convolution with the norm folded in."""
    result = copy.deepcopy(layer)
    result.weight, result.bias = fuse_conv_bn_weights(
        layer.weight,
        layer.bias,
        norm.running_mean,
        norm.running_var,
        getattr(norm, "eps", 1e-5),
        norm.weight,
        norm.bias,
    )
    return result
