# SPDX-License-Identifier: AGPL-3.0-only
"""Loads torchvision's detectors: published weights by name, and state dicts."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.hub import HASH_REGEX, download_url_to_file
from torchvision.models import get_model_weights

from engine.detectors.class_lists import without_background
from engine.detectors.device import require_memory
from engine.detectors.downloads import fetch
from engine.detectors.state_dicts import load_state_dict
from engine.detectors.torchvision_adapter import TorchvisionDetector
from engine.detectors.torchvision_models import build_model, choose_architecture
from engine.detectors.torchvision_names import PUBLISHED, names_of
from engine.errors import DetectorError

__all__ = ["TorchvisionDetector", "download_weights", "load", "published_weights"]


def load(
    path: Path, *, device: torch.device, trust: bool = False, fuse: bool = True, architecture: str = "auto"
) -> TorchvisionDetector:
    """Load a frozen detector from a state dict.

    Args:
        path: a file of torch.save or safetensors, such as published weights or what a training wrote.
        device: of the detector.
        trust: open the file even if its pickle could run code; only for trusted sources.
        fuse: fold batch norm into the convolutions.
        architecture: of the detector; `auto` takes the one that the file names or shows.

    Raises:
        DetectorError: the file is damaged or holds no such weights.
        UntrustedWeightsError: the file contains a name that could run code.
        MemoryExhaustedError: the device is full.
    """
    content = load_state_dict(path, trust=trust)
    facts = content.facts
    chosen = choose_architecture(path, architecture, facts.architecture, facts.shapes)
    model, labels = build_model(path, chosen, content.weights)
    names = without_background(names_of(path, facts, labels), labels - 1)
    if len(names) != labels - 1:
        raise DetectorError(
            f"weights {path}: expected {labels - 1} classes besides the background, as in its scores, "
            f"got a list of {len(names)} in the file; correct the list"
        )
    try:
        with require_memory(path, device):
            return TorchvisionDetector(
                model, name=path.stem, architecture=chosen, class_names=names, device=device, fuse=fuse
            )
    except DetectorError as error:
        raise DetectorError(f"weights {path}: {error}") from error


def published_weights() -> tuple[str, ...]:
    """The weights that torchvision publishes for COCO, as files below `PATCHBENCH_HOME/weights`."""
    return tuple(f"{name}.pth" for name in PUBLISHED)


def download_weights(name: str, target: Path) -> Path:
    """Download published weights to a file, with a message, and check them by the hash in their address.

    Raises:
        DetectorError: there is no network, no space, or another file than expected.
    """
    url = get_model_weights(Path(name).stem).DEFAULT.url
    match = HASH_REGEX.search(url)

    def download() -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        download_url_to_file(url, str(target), hash_prefix=match[1] if match else None)

    return fetch(name, target, target, download, DetectorError)
