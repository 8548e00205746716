# SPDX-License-Identifier: AGPL-3.0-only
"""Optimizers that PyTorch lacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Optimizer


class _TexelOptimizer(Optimizer, ABC):
    """An optimizer whose `_move` updates one patch with a gradient."""

    # PyTorch's wrappers of these load its compiler, which takes seconds and is not needed here.
    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update each parameter that has a gradient."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)
        return loss

    @abstractmethod
    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Update the parameter in place."""


class PyramidAdam(_TexelOptimizer):
    """Adam (Kingma and Ba 2015) on each level of the gradient's pyramid, with the levels' steps added up.

    A single texel's gradient is mostly noise, because each step draws it elsewhere; the mean over a block of
    texels is less noisy. Adam normalises each level's step to `lr`, and components on which neighbours agree
    are not drowned in the noise of texels, as with plain Adam.

    Args:
        params: the patch (3, h, w), in a list.
        lr: the largest change of a texel by one level in a step.
        levels: from single texels to blocks of 2^(levels - 1); fewer for small patches.
        betas: decay rates of the mean gradient and of the mean square.
    """

    def __init__(
        self, params: list[Tensor], lr: float, levels: int = 6, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__(params, {"lr": lr, "levels": levels, "betas": betas})

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Subtract the sum of the levels' steps."""
        state = self.state[parameter]
        state["step"] = state.get("step", 0) + 1
        size = parameter.shape[1:]
        for level in range(group["levels"]):
            block = 2**level
            if block > min(size):
                break
            pooled = F.adaptive_avg_pool2d(gradient, (-(-size[0] // block), -(-size[1] // block)))
            direction = self._adam(state, level, pooled, group["betas"])
            spread = F.interpolate(direction[None], size=size, mode="bilinear", align_corners=False)
            parameter.sub_(spread[0], alpha=group["lr"])

    @staticmethod
    def _adam(state: dict[str, Any], level: int, gradient: Tensor, betas: tuple[float, float]) -> Tensor:
        """Adam's direction for one level, about -1 to 1."""
        mean = state.setdefault(f"mean_{level}", torch.zeros_like(gradient))
        square = state.setdefault(f"square_{level}", torch.zeros_like(gradient))
        mean.lerp_(gradient, 1 - betas[0])
        square.lerp_(gradient.square(), 1 - betas[1])
        unbiased = square / (1 - betas[1] ** state["step"])
        return mean / (1 - betas[0] ** state["step"]) / (unbiased.sqrt() + 1e-12)


class SignGradient(_TexelOptimizer):
    """Steps by the gradient's sign (Madry et al. 2018), with momentum as MI-FGSM (Dong et al. 2018, eq. 6-7).

    Args:
        params: the patch, in a list.
        lr: the change of each texel in a step.
        momentum: decay rate of the accumulated, L1-normalised gradient; 0 for none.
    """

    def __init__(self, params: list[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Step against the gradient's sign."""
        direction = gradient
        if group["momentum"]:
            state = self.state[parameter]
            normalised = direction / direction.abs().mean().clamp(min=1e-12)
            velocity = state.get("velocity", torch.zeros_like(direction))
            direction = state["velocity"] = velocity * group["momentum"] + normalised
        parameter.sub_(direction.sign(), alpha=group["lr"])
