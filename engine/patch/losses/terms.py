# SPDX-License-Identifier: AGPL-3.0-only
"""What a term of the loss is, and what it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Targets

# What a term may need beside the batch's objects, in the order in which terms are computed and summed.
NEEDS = ("boxes", "scores", "native losses", "patch")


@dataclass(frozen=True, kw_only=True)
class LossInput:
    """What the terms of one batch are computed from.

    Attributes:
        candidates: `Predictions` where a term needs boxes, `ClassScores` where scores are enough, else None.
        native: the detector's own losses by name; empty where no term needs them.
        targets: the batch's objects of the class under attack.
        patch_chw: float (3, h, w), 0 to 1.
        objects_per_image: the run's mean, above 0.
        top_k: how many candidates of an object a term looks at.
    """

    candidates: Any
    native: Mapping[str, Tensor]
    targets: Targets
    patch_chw: Tensor
    objects_per_image: float
    top_k: int


@dataclass(frozen=True, kw_only=True)
class LossTerm:
    """One term of the loss.

    Attributes:
        name: in settings and records.
        label: of its weight, on pages.
        help: what it does, in one sentence.
        needs: one of `NEEDS`.
        value: the term, a scalar to minimise.
        adds_up: it is a mean over images, so the parts of a batch, weighted by their images, add up to it.
    """

    name: str
    label: str
    help: str
    needs: Literal["boxes", "scores", "native losses", "patch"]
    value: Callable[[LossInput], Tensor]
    adds_up: bool = True


def at_least_fp32(values: Tensor) -> Tensor:
    """Half precision widened: the sums of a loss need more digits than the detector's layers do."""
    import torch

    return values.to(torch.promote_types(values.dtype, torch.float32))
