# SPDX-License-Identifier: AGPL-3.0-only
"""Loads Ultralytics' detectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.device import require_memory
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_download import download_weights, published_weights
from engine.detectors.ultralytics_model import last_layer
from engine.detectors.ultralytics_quiet import RTDETRDecoder
from engine.detectors.ultralytics_rtdetr import RTDETRDetector
from engine.errors import DetectorError
from engine.excerpts import short_line

__all__ = ["RTDETRDetector", "UltralyticsDetector", "download_weights", "load", "published_weights"]


def load(
    path: Path,
    *,
    device: torch.device,
    trust: bool = False,
    fuse: bool = True,
    architecture: str = "auto",
    end_to_end: bool | None = None,
) -> UltralyticsDetector | RTDETRDetector:
    """Load a frozen detector from an Ultralytics weight file.

    Args:
        path: a file as Ultralytics' `model.save()` writes it, or one of its published weights.
        device: of the detector.
        trust: open the file even if its pickle could run code; only for trusted sources.
        fuse: fold batch norm into the convolutions.
        architecture: not used; the file holds it.
        end_to_end: see `UltralyticsDetector`; an RT-DETR is end to end in any case.

    Raises:
        DetectorError: the file is damaged or not a detection model.
        UntrustedWeightsError: the file contains a name that could run code.
        MemoryExhaustedError: the device is full.
    """
    checkpoint = load_checkpoint(path, trust=trust)
    model: Any = checkpoint.model
    if checkpoint.train_args:
        model.args = checkpoint.train_args
    try:
        with require_memory(path, device):
            if isinstance(last_layer(model), RTDETRDecoder):
                return RTDETRDetector(model, name=path.stem, device=device, fuse=fuse)
            return UltralyticsDetector(model, name=path.stem, device=device, fuse=fuse, end_to_end=end_to_end)
    except DetectorError as error:
        raise DetectorError(f"weights {path}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise _not_understood(path, error) from error


def _not_understood(path: Path, error: Exception) -> DetectorError:
    return DetectorError(
        f"weights: expected a detection model that this version of Ultralytics understands, got {path} "
        f"({type(error).__name__}: {short_line(error)}); export it again with a current Ultralytics"
    )
