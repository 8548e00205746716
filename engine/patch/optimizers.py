# SPDX-License-Identifier: AGPL-3.0-only
"""The optimizers that settings can name. Loads torch only when one is created."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registries import OPTIMIZERS

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


@dataclass(frozen=True, kw_only=True)
class OptimizerKind:
    """An optimizer that settings can name.

    Attributes:
        name: in settings.
        help: one sentence on its effect.
        make: creates one for a patch (3, h, w) and a learning rate in units of colour (0 to 1) per step.
    """

    name: str
    help: str
    make: Callable[[Tensor, float], Optimizer]


def _pyramid_adam(patch_chw: Tensor, learning_rate: float) -> Optimizer:
    from engine.patch.updates import PyramidAdam

    return PyramidAdam([patch_chw], lr=learning_rate)


def _adam(patch_chw: Tensor, learning_rate: float) -> Optimizer:
    from torch.optim import Adam

    return Adam([patch_chw], lr=learning_rate)


def _adamw(patch_chw: Tensor, learning_rate: float) -> Optimizer:
    from torch.optim import AdamW

    return AdamW([patch_chw], lr=learning_rate, weight_decay=1e-4)


def _sign(patch_chw: Tensor, learning_rate: float, momentum: float = 0.0) -> Optimizer:
    from engine.patch.updates import SignGradient

    return SignGradient([patch_chw], lr=learning_rate, momentum=momentum)


def _sign_momentum(patch_chw: Tensor, learning_rate: float) -> Optimizer:
    return _sign(patch_chw, learning_rate, momentum=0.9)


for kind in (
    OptimizerKind(
        name="pyramid-adam", help="Adam on each level of a pyramid of the gradient.", make=_pyramid_adam
    ),
    OptimizerKind(name="adam", help="Adam on each texel separately.", make=_adam),
    OptimizerKind(name="adamw", help="Adam with decoupled weight decay.", make=_adamw),
    OptimizerKind(name="sign", help="Steps of equal size by the gradient's sign.", make=_sign),
    OptimizerKind(name="sign-momentum", help="The same with momentum.", make=_sign_momentum),
):
    OPTIMIZERS.add(kind)
