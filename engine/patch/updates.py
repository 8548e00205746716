# SPDX-License-Identifier: AGPL-3.0-only
"""How a gradient changes the patch: the optimizers by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["SignGradient", "make_optimizer"]


class SignGradient(torch.optim.Optimizer):
    """Steps by the gradient's sign (Madry et al. 2018), with momentum as MI-FGSM (Dong et al. 2018, eq. 6-7).

    Args:
        params: the patch, in a list.
        lr: the change of each texel in a step.
        momentum: how much of the accumulated, L1-normalised gradient is kept; 0 for none.
    """

    def __init__(self, params: list[Tensor], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move each parameter against its gradient's sign."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                direction = parameter.grad
                if group["momentum"]:
                    state = self.state[parameter]
                    normalised = direction / direction.abs().mean().clamp(min=1e-12)
                    velocity = state.get("velocity", torch.zeros_like(direction))
                    direction = state["velocity"] = velocity * group["momentum"] + normalised
                parameter.sub_(direction.sign(), alpha=group["lr"])
        return loss


def make_optimizer(name: str, patch_chw: Tensor, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer of that name (`engine.config.OPTIMIZERS`) over one patch."""
    params = [patch_chw]
    if name == "adam":
        return torch.optim.Adam(params, lr=learning_rate)
    if name == "adamw":
        return torch.optim.AdamW(params, lr=learning_rate, weight_decay=1e-4)
    return SignGradient(params, lr=learning_rate, momentum=0.9 if name == "sign-momentum" else 0.0)
