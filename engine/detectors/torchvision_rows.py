# SPDX-License-Identifier: AGPL-3.0-only
"""What a second stage says of many proposals, with gradients for those alone that a loss looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Stage = Callable[[Sequence[Tensor], list[Tensor]], tuple[Tensor, ...]]
"""Tensors (k, values), a row for each proposal, from the levels of features and each image's proposals.

Each row depends on its own proposal alone.
"""


@torch.compiler.disable
def rows_of(stage: Stage, levels: Sequence[Tensor], proposals_xyxy: list[Tensor]) -> tuple[Tensor, ...]:
    """The rows of a second stage, differentiable with respect to the levels.

    A loss takes the best few of up to a thousand rows, and the others' gradients are zero: the backward pass
    computes the few anew and goes back through these alone. That costs less than to go back through all, and
    nothing that they were made of is kept.

    Args:
        stage: computes the rows, without changing anything.
        levels: float (n, channels, h, w) each.
        proposals_xyxy: float (k_i, 4) for each image, without a gradient.
    """
    return _Rows.apply(stage, proposals_xyxy, *levels)


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, stage: Stage, proposals_xyxy: list[Tensor], *levels: Tensor) -> tuple[Tensor, ...]:
        ctx.stage, ctx.proposals = stage, proposals_xyxy
        ctx.save_for_backward(*levels)
        kind = levels[0].device.type
        ctx.autocast = {"device_type": kind, "enabled": torch.is_autocast_enabled(kind)}
        ctx.autocast["dtype"] = torch.get_autocast_dtype(kind)
        return stage(levels, proposals_xyxy)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        looked_at = torch.stack([each.any(dim=1) for each in gradients]).any(dim=0)
        shares = looked_at.split([len(each) for each in ctx.proposals])
        some = [each[share] for each, share in zip(ctx.proposals, shares, strict=True)]
        with torch.enable_grad(), torch.autocast(**ctx.autocast):
            levels = [each.detach().requires_grad_() for each in ctx.saved_tensors]
            rows = ctx.stage(levels, some)
        upstream = [each[looked_at] for each in gradients]
        # A level that nothing is taken from has no gradient.
        return None, None, *torch.autograd.grad(rows, levels, upstream, allow_unused=True)
