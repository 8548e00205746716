# SPDX-License-Identifier: AGPL-3.0-only
"""Loads a detector of any family by the name or path of its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.detectors.base import Detector
from engine.detectors.device import choose_device
from engine.detectors.families import DetectorFamily, family_of
from engine.detectors.weight_classes import possible_files
from engine.detectors.weight_files import other_kind
from engine.errors import DetectorError
from engine.registries import DETECTORS


def load_detector(
    weights: str | Path, *, device: str | torch.device = "auto", trust: bool = False, fuse: bool = True
) -> Detector:
    """Load a frozen detector.

    Args:
        weights: a weight file, `demo`, or a name published by a family (`yolo11n`), which is downloaded into
            `PATCHBENCH_HOME/weights` the first time, with a message.
        device: see `engine.detectors.device.choose_device`.
        trust: open the file even if its pickle could run code; only for trusted sources.
        fuse: fold batch norm into the convolutions, if the family can.

    Raises:
        DetectorError: the file or name does not exist, the file is damaged or not a detection model, or the
            download failed.
        UntrustedWeightsError: the file contains a name that could run code.
        DeviceError: the device does not exist.
    """
    chosen = choose_device(device)
    path, family = find_weights(weights)
    return family.adapter().load(path, device=chosen, trust=trust, fuse=fuse)


def find_weights(weights: str | Path) -> tuple[Path, DetectorFamily]:
    """The file of a path or a name, downloaded if a family publishes it, and the family that loads it.

    Raises:
        DetectorError: there is no such file; the message lists the searched paths.
    """
    searched = possible_files(weights)
    given, kept = searched[0], searched[-1]
    kind = other_kind(given) if given.is_dir() and family_of(given) is None else None
    if kind:
        raise DetectorError(f"weights: expected a .pt file, got the folder {given}: {kind}")
    for path in searched:
        family = family_of(path)
        if family is not None:
            return path, family
    for family in DETECTORS.things() if kept is not given else ():
        adapter = family.adapter()
        if kept.name in adapter.published_weights():
            return adapter.download_weights(kept.name, kept), family
    published = " or ".join(family.published for family in DETECTORS.things())
    raise DetectorError(
        f"weights: expected a weight file, demo, or {published}, "
        f"got {str(weights)!r}; looked for {', '.join(map(str, searched))}"
    )
