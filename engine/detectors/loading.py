# SPDX-License-Identifier: AGPL-3.0-only
"""Loads a detector of any family by the name or path of its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.config import home_folder
from engine.config.subject import SubjectConfig
from engine.detectors.base import Detector
from engine.detectors.class_lists import read_class_list, without_background
from engine.detectors.demo_weights import embedded_detectors
from engine.detectors.device import choose_device
from engine.detectors.families import DetectorFamily, family_of
from engine.detectors.weight_classes import possible_files
from engine.detectors.weight_files import other_kind
from engine.errors import DetectorError
from engine.registries import ARCHITECTURES, AUTO, DETECTORS


def load_detector(
    weights: str | Path,
    *,
    device: str | torch.device = "auto",
    architecture: str = AUTO,
    detector_classes: str | Path = "",
    trust: bool = False,
    fuse: bool = True,
) -> Detector:
    """Load a frozen detector.

    Args:
        weights: a weight file, `demo`, or a name published by a family (`yolo11n`), which is downloaded into
            `PATCHBENCH_HOME/weights` the first time, with a message.
        device: see `engine.detectors.device.choose_device`.
        architecture: of a state dict that does not say it; `auto` for what the file says.
        detector_classes: a file with the detector's class names, see `engine.detectors.class_lists`; empty
            for those that the weights name.
        trust: open the file even if its pickle could run code; only for trusted sources.
        fuse: fold batch norm into the convolutions, if the family can.

    Raises:
        DetectorError: the file or name does not exist, the file is damaged or not a detection model, it is
            of another architecture or has another number of classes, or the download failed.
        UntrustedWeightsError: the file contains a name that could run code.
        DeviceError: the device does not exist.
    """
    chosen = choose_device(device)
    names = read_class_list(detector_classes) if str(detector_classes) else ()
    path, family = find_weights(weights, architecture)
    detector = family.adapter().load(path, device=chosen, trust=trust, fuse=fuse, architecture=architecture)
    if names:
        detector.class_names = _fitting(names, detector, detector_classes)
    return detector


def load_configured(config: SubjectConfig, *, trust: bool = False, fuse: bool = True) -> Detector:
    """Load the detector that settings name, the first of several; see `load_detector`."""
    return load_detector(
        config.weights,
        device=config.device,
        architecture=config.architecture,
        detector_classes=config.detector_classes,
        trust=trust,
        fuse=fuse,
    )


def find_weights(weights: str | Path, architecture: str = AUTO) -> tuple[Path, DetectorFamily]:
    """The file of a path or a name, downloaded if a family publishes it, and the family that loads it.

    Args:
        weights: see `load_detector`.
        architecture: see `load_detector`; unless it is `auto`, its family loads the file.

    Raises:
        DetectorError: there is no such file, with the searched paths in the message, or no such architecture.
    """
    builder = None if architecture == AUTO else _builder(architecture)
    searched = possible_files(weights)
    given, kept = searched[0], searched[-1]
    kind = other_kind(given) if given.is_dir() and family_of(given) is None else None
    if kind:
        raise DetectorError(f"weights: expected a .pt file, got the folder {given}: {kind}")
    for path in searched:
        family = family_of(path)
        if family is not None:
            return path, builder or family
    publisher = _download(kept) if kept is not given else None
    if publisher is not None:
        return kept, builder or publisher
    raise DetectorError(
        f"weights: expected a weight file, {', '.join(embedded_detectors())}, {_published(str(weights))}, "
        f"got {str(weights)!r}; looked for {', '.join(map(str, searched))}"
    )


def _published(wanted: str) -> str:
    """What is published, in words: the names of a family if the one that is wanted begins with its name."""
    named = DETECTORS.get(wanted.partition("/")[0])
    words = [each.published for each in DETECTORS.things()] if named is None else list(named.offered)
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _download(path: Path) -> DetectorFamily | None:
    """Download weights to their place in our home; the family that publishes them, None if none does."""
    name = path.relative_to(home_folder() / "weights").as_posix()
    named = DETECTORS.get(name.partition("/")[0])
    for family in DETECTORS.things() if named is None else [named]:
        adapter = family.adapter()
        if name in adapter.published_weights():
            adapter.download_weights(name, path)
            return family
    return None


def _builder(architecture: str) -> DetectorFamily:
    """The family that builds an architecture."""
    for family in DETECTORS.things():
        if architecture in family.architectures:
            return family
    expected = ", ".join(ARCHITECTURES)
    raise DetectorError(
        f"architecture: expected one of {expected}, got {architecture!r}; see --help of patch generate"
    )


def _fitting(names: tuple[str, ...], detector: Detector, file: str | Path) -> tuple[str, ...]:
    """The names if they are as many as the detector's classes; a leading background does not count."""
    count = len(detector.class_names)
    fitting = without_background(names, count)
    if len(fitting) != count:
        raise DetectorError(
            f"detector classes: expected {count} names, one for each class of {detector.name}, "
            f"got {len(names)} in {file}; list its classes in the order used in training"
        )
    return fitting
