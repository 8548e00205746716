# SPDX-License-Identifier: AGPL-3.0-only
"""Loads detectors of Hugging Face transformers: folders of safetensors, or names of its hub."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.detectors.device import require_memory
from engine.detectors.downloads import fetch
from engine.detectors.transformers_folder import CONFIG, is_hub_name
from engine.errors import DetectorError
from engine.excerpts import short_line

if TYPE_CHECKING:
    from engine.detectors.transformers_adapter import TransformersDetector

_FILES = (
    CONFIG,
    "preprocessor_config.json",
    "processor_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
)


def load(
    path: Path, *, device: torch.device, trust: bool = False, fuse: bool = True, architecture: str = "auto"
) -> TransformersDetector:
    """Load a frozen detector from a folder as `save_pretrained` writes it.

    Args:
        path: a folder with config.json, preprocessor_config.json and safetensors.
        device: of the detector.
        trust: not used; nothing in such a folder is ever run.
        fuse: fold batch norm into the convolutions.
        architecture: not used; the configuration names it.

    Raises:
        DetectorError: transformers is not installed, or the folder holds no detector that it can load.
        MemoryExhaustedError: the device is full.
    """
    with _library(f"weights {path}: expected Hugging Face transformers, which such folders require"):
        from engine.detectors.transformers_adapter import TransformersDetector
        from engine.detectors.transformers_model import read_model, read_normalization

    try:
        with require_memory(path, device):
            model = read_model(path)
            normalization = read_normalization(path)
            return TransformersDetector(
                model, normalization=normalization, name=path.name, device=device, fuse=fuse
            )
    except DetectorError as error:
        raise DetectorError(f"weights {path}: {error}") from error


class _HubNames(Collection[str]):
    """All names that the hub may know, none of which can be listed."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and is_hub_name(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def published_weights() -> Collection[str]:
    """Whatever may be a name of Hugging Face's hub, such as `facebook/detr-resnet-50`."""
    return _HubNames()


def download_weights(name: str, target: Path) -> Path:
    """Download a model's configuration and safetensors from Hugging Face's hub, with a message.

    Args:
        name: `organisation/model`.
        target: the folder, which is there whole or not at all.

    Raises:
        DetectorError: transformers is not installed, there is no such model, no network, or no space.
    """
    with _library(f"weights: expected a file {name}, or Hugging Face transformers to look it up on its hub"):
        from huggingface_hub import snapshot_download

    def download() -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / target.name
            snapshot_download(name, local_dir=part, allow_patterns=list(_FILES))
            shutil.rmtree(part / ".cache", ignore_errors=True)
            part.replace(target)

    fetch(name, target, target / CONFIG, download, DetectorError)
    return target


@contextmanager
def _library(expected: str) -> Iterator[None]:
    """A context that imports transformers, and says what is missing.

    Raises:
        DetectorError: it is not installed, too old, or lacks something that it needs.
    """
    try:
        yield
    except ImportError as error:
        raise DetectorError(
            f"{expected}, got {short_line(error)}; run: pip install -r requirements-transformers.txt"
        ) from error
