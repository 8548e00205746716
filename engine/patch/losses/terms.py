# SPDX-License-Identifier: AGPL-3.0-only
"""The definition of a loss term, and its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from engine.detectors.base import Targets

# Inputs that a term may need besides the batch's objects, in the order of computing and summing terms.
NEEDS = ("boxes", "scores", "native losses", "patch")


@dataclass(frozen=True, kw_only=True)
class LossInput:
    """The input of the terms for one batch.

    Attributes:
        candidates: `Candidates`, with boxes if a term needs them; None if none needs boxes or scores.
        native: the detector's own losses by name; empty if no term needs them.
        targets: the batch's objects of the class under attack.
        patch_chw: float (3, h, w), 0 to 1.
        objects_per_image: the run's mean, above 0.
        top_k: number of candidates per object.
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
        help: one sentence on its effect.
        needs: one of `NEEDS`.
        value: computes the term, a scalar to minimise.
        adds_up: whether it is a mean over images, and can be computed from the parts of a batch.
    """

    name: str
    label: str
    help: str
    needs: Literal["boxes", "scores", "native losses", "patch"]
    value: Callable[[LossInput], Tensor]
    adds_up: bool = True


def at_least_fp32(values: Tensor) -> Tensor:
    """Convert half precision to float32, as sums in a loss need more digits than the detector's layers."""
    import torch

    return values.to(torch.promote_types(values.dtype, torch.float32))
