# SPDX-License-Identifier: AGPL-3.0-only
"""What a frozen detector's weights have to be: finite, and the same after a run as before."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from engine.errors import DetectorError


def require_finite(model: nn.Module) -> None:
    """Reject infinite or NaN weights, with which a detector would seem to find nothing.

    Raises:
        DetectorError: there is such a weight.
    """
    for name, value in model.state_dict().items():
        if name.endswith(("_orig", "_mask")):
            raise DetectorError(
                f"expected finished weights, got a pruning mask ({name}); make it permanent with "
                "torch.nn.utils.prune.remove and save the model again"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise DetectorError(
                f"expected finite weights, got infinite or NaN values in {name}; "
                "the training diverged or the file is damaged, so use an earlier checkpoint"
            )


def checksum(model: nn.Module) -> str:
    """SHA-256 (hexadecimal) of the name, type, shape and bytes of each weight and buffer, in order."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
