# SPDX-License-Identifier: AGPL-3.0-only
"""Denoising by total variation: flat areas become flatter, edges stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind, changing
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.defences.defended import Step

_RATE = 0.25  # of the dual's steps; Chambolle 2004 converges up to 1/8 by proof, to 1/4 in practice


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Settings):
    """How much is smoothed."""

    weight: float = setting(
        0.1, "Weight", "Weight of the variation relative to the similarity.", bounds=(0.001, 1)
    )
    iterations: int = setting(10, "Iterations", "Number of minimisation steps.", bounds=(1, 200))


def _step(settings: TotalVariation) -> Step:
    import torch
    from torch.utils.checkpoint import checkpoint

    def step(images_nchw: Tensor) -> Tensor:
        across = torch.zeros_like(images_nchw[..., :-1])
        down = torch.zeros_like(images_nchw[..., :-1, :])
        for _ in range(settings.iterations):
            # What an iteration computes is computed again for its gradient: keeping all of it would take
            # as much memory as a detector.
            across, down = checkpoint(
                _iteration,
                images_nchw,
                across,
                down,
                settings.weight,
                use_reentrant=False,
                preserve_rng_state=False,
            )
        return (images_nchw + _divergence(across, down)).clamp(0, 1)

    return step


def _iteration(images_nchw: Tensor, across: Tensor, down: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """One step of Chambolle's projection for the dual field (n, 3, h, w - 1), (n, 3, h - 1, w)."""
    import torch.nn.functional as F

    smooth = images_nchw + _divergence(across, down)
    right, below = smooth.diff(dim=3), smooth.diff(dim=2)
    squared = F.pad(right.square(), (0, 1)) + F.pad(below.square(), (0, 0, 0, 1))
    slowed = 1 + _RATE / weight * (squared + 1e-12).sqrt()
    return (across + _RATE * right) / slowed[..., :-1], (down + _RATE * below) / slowed[..., :-1, :]


def _divergence(across: Tensor, down: Tensor) -> Tensor:
    """The divergence of the dual field, float (n, 3, h, w)."""
    import torch.nn.functional as F

    return F.pad(across, (1, 1)).diff(dim=3) + F.pad(down, (0, 0, 1, 1)).diff(dim=2)


DEFENCES.add(
    DefenceKind(
        name="total-variation",
        help="Smooth flat areas and keep edges, by total variation.",
        source="Rudin, Osher and Fatemi 1992, by Chambolle 2004; as a defence: Guo et al. 2018",
        settings=TotalVariation,
        apply=changing("total-variation", _step),
    )
)
