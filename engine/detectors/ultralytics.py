# SPDX-License-Identifier: AGPL-3.0-only
"""Loads a detector by the name or path of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.device import choose_device, is_out_of_memory
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_download import download_dataset, download_weights, published_weights
from engine.detectors.weight_classes import candidates
from engine.detectors.weight_files import other_kind
from engine.errors import DetectorError, MemoryExhaustedError
from engine.excerpts import short_line

__all__ = ["UltralyticsDetector", "download_dataset", "find_weights", "load_detector"]


def load_detector(
    weights: str | Path,
    *,
    device: str | torch.device = "auto",
    trust: bool = False,
    fuse: bool = True,
    end_to_end: bool | None = None,
) -> UltralyticsDetector:
    """Load a frozen detector from an Ultralytics weight file.

    Args:
        weights: a .pt file, `demo`, or a name published by Ultralytics (`yolo11n`), which is downloaded into
            `PATCHBENCH_HOME/weights` the first time, with a message.
        device: see `engine.detectors.device.choose_device`.
        trust: open the file even if its pickle could run code; only for trusted sources.
        fuse: fold batch norm into the convolutions.
        end_to_end: see `UltralyticsDetector`.

    Raises:
        DetectorError: the file or name does not exist, the file is damaged or not a detection model, or the
            download failed.
        UntrustedWeightsError: the file contains a name that could run code.
        DeviceError: the device does not exist.
    """
    chosen = choose_device(device)
    path = find_weights(weights)
    checkpoint = load_checkpoint(path, trust=trust)
    model: Any = checkpoint.model
    if checkpoint.train_args:
        model.args = checkpoint.train_args
    try:
        return UltralyticsDetector(model, name=path.stem, device=chosen, fuse=fuse, end_to_end=end_to_end)
    except DetectorError as error:
        raise DetectorError(f"weights {path}: {error}") from error
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise MemoryExhaustedError(
                f"weights {path}: expected a detector that fits into the memory of {chosen}, "
                "got out of memory; end what else runs there, or choose another --device"
            ) from error
        raise _not_understood(path, error) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _not_understood(path, error) from error


def _not_understood(path: Path, error: Exception) -> DetectorError:
    return DetectorError(
        f"weights: expected a detection model that this Ultralytics understands, got {path} "
        f"({type(error).__name__}: {short_line(error)}); export it again with a current Ultralytics"
    )


def find_weights(weights: str | Path) -> Path:
    """The file of a path or a name, downloaded if Ultralytics publishes it.

    Raises:
        DetectorError: there is no such file; the message lists the searched paths.
    """
    searched = candidates(weights)
    given, kept = searched[0], searched[-1]
    kind = other_kind(given) if given.is_dir() else None
    if kind:
        raise DetectorError(f"weights: expected a .pt file, got the folder {given}: {kind}")
    for path in searched:
        if path.is_file():
            return path
    if kept is not given and kept.name in published_weights():
        return download_weights(kept.name, kept)
    raise DetectorError(
        f"weights: expected a weight file, demo, or a name that Ultralytics knows (yolo11n.pt), "
        f"got {str(weights)!r}; looked for {', '.join(map(str, searched))}"
    )
