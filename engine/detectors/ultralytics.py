# SPDX-License-Identifier: AGPL-3.0-only
"""From the name or the path of a weight file to a detector that is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.config import home_folder
from engine.detectors.device import choose_device
from engine.detectors.trust import PACKAGED_WEIGHTS, load_checkpoint
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_download import download_dataset, download_weights, published_weights
from engine.errors import DetectorError

__all__ = ["UltralyticsDetector", "download_dataset", "find_weights", "load_detector"]


def load_detector(
    weights: str | Path,
    *,
    device: str | torch.device = "auto",
    trust: bool = False,
    fuse: bool = True,
    end_to_end: bool | None = None,
) -> UltralyticsDetector:
    """A frozen detector from an Ultralytics weight file.

    Args:
        weights: a .pt file, `demo`, or a name that Ultralytics knows (`yolo11n`), which is downloaded into
            `PATCHBENCH_HOME/weights` the first time, saying so.
        device: see `engine.detectors.device.choose_device`.
        trust: open the file whatever its pickle names; only for a file whose maker you trust.
        fuse: fold batch norm into the convolutions.
        end_to_end: see `UltralyticsDetector`.

    Raises:
        DetectorError: no such file or name, a damaged file, no network, or no detection model in it.
        UntrustedWeightsError: the file names something that could run code.
        DeviceError: the device is not there.
    """
    chosen = choose_device(device)
    path = find_weights(weights)
    checkpoint = load_checkpoint(path, trust=trust)
    model = _model_of(checkpoint, path)
    train_args = checkpoint.get("train_args") if isinstance(checkpoint, dict) else None
    if isinstance(train_args, dict):
        model.args = train_args
    try:
        return UltralyticsDetector(model, name=path.stem, device=chosen, fuse=fuse, end_to_end=end_to_end)
    except DetectorError as error:
        raise DetectorError(f"weights {path}: {error}") from error
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        raise DetectorError(
            f"weights: expected a detection model that this Ultralytics understands, got {path} "
            f"({type(error).__name__}: {error}); export it again with a current Ultralytics"
        ) from error


def find_weights(weights: str | Path) -> Path:
    """The file that a path or a name stands for, downloaded if Ultralytics knows the name.

    Raises:
        DetectorError: nothing of that name, naming where it was looked for.
    """
    given = Path(weights).expanduser()
    if given.is_file():
        return given
    name = given.name if given.suffix else f"{given.name}.pt"
    bare = str(weights) == given.name
    looked = [
        given,
        *((folder / name for folder in (PACKAGED_WEIGHTS, home_folder() / "weights")) if bare else ()),
    ]
    for path in looked:
        if path.is_file():
            return path
    if bare and name in published_weights():
        return download_weights(name, home_folder() / "weights" / name)
    raise DetectorError(
        f"weights: expected a weight file, demo, or a name that Ultralytics knows (yolo11n.pt), "
        f"got {str(weights)!r}; looked for {', '.join(map(str, looked))}"
    )


def _model_of(checkpoint: Any, path: Path) -> Any:
    """The model in a checkpoint: the averaged one (ema) of an unfinished training, else `model`."""
    found = checkpoint
    if isinstance(checkpoint, dict):
        found = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(found, nn.Module):
        got = (
            "a state dict without a model"
            if isinstance(found, dict) or found is None
            else type(found).__name__
        )
        raise DetectorError(
            f"weights: expected an Ultralytics checkpoint that holds a model, got {got} in {path}; "
            "save it with Ultralytics' model.save()"
        )
    return found
