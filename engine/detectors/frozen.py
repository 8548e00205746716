# SPDX-License-Identifier: AGPL-3.0-only
"""What frozen detectors share, and what their weights have to be: finite, and the same after a run."""

from __future__ import annotations

import hashlib
from typing import Any, Self

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


class FrozenDetector:
    """What adapters share, whatever the library; see `engine.detectors.base.Detector`.

    Attributes:
        model: the model in float32.
        class_names: by class id.
    """

    model: Any
    class_names: tuple[str, ...]

    def for_windows(self, image_px: int) -> Self | None:
        """Itself, as it takes images in their own size."""
        return self

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers; see `checksum`."""
        return checksum(self.model)

    def _checked_class(self, class_id: int) -> int:
        if not 0 <= class_id < len(self.class_names):
            raise ValueError(f"class_id: expected 0 to {len(self.class_names) - 1}, got {class_id}")
        return class_id


def checksum(model: nn.Module) -> str:
    """SHA-256 (hexadecimal) of the name, type, shape and bytes of each weight and buffer, in order."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
