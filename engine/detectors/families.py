# SPDX-License-Identifier: AGPL-3.0-only
"""Families of detectors: whose a weight file is, its classes without torch, the module that loads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.detectors.weight_classes import classes_in
from engine.registries import DETECTORS

if TYPE_CHECKING:
    import torch

    from engine.detectors.base import Detector
    from engine.detectors.training import Trainer


class Adapter(Protocol):
    """A family's module of functions, which may import torch."""

    def load(self, path: Path, *, device: torch.device, trust: bool, fuse: bool) -> Detector:
        """Load a frozen detector; see `engine.detectors.loading.load_detector` for arguments and errors."""

    def published_weights(self) -> Collection[str]:
        """Names of files that can be downloaded."""

    def download_weights(self, name: str, target: Path) -> Path:
        """Download published weights to a file, with a message."""


@dataclass(frozen=True, kw_only=True)
class DetectorFamily:
    """A family of detectors.

    Attributes:
        name: unique.
        help: one sentence on the detectors in it.
        published: what a user may name besides a file, for messages.
        offered: published names that pages offer.
        losses: name → meaning of each training loss that its detectors may have; a name means the same in
            all families, `total` is what training minimises.
        knows: whether a file or folder holds weights of the family, by its name or content.
        class_names: reads the classes of such weights by index; empty if it cannot.
        adapter: imports and returns the module that loads the family's detectors.
        trainer: likewise the module that trains them; None if PatchBench cannot.
    """

    name: str
    help: str
    published: str
    offered: tuple[str, ...]
    losses: Mapping[str, str]
    knows: Callable[[Path], bool]
    class_names: Callable[[Path], tuple[str, ...]]
    adapter: Callable[[], Adapter]
    trainer: Callable[[], Trainer] | None = None


def family_of(path: Path) -> DetectorFamily | None:
    """The last registered family that knows the weights at a path; None also if there is nothing.

    The first one takes any file, and says what is wrong with it.
    """
    return next((family for family in reversed(DETECTORS.things()) if family.knows(path)), None)


def class_names_in(path: Path) -> tuple[str, ...]:
    """The classes of the detector in a weight file, by index, without torch and without running the file.

    They are only for choices on pages; a detector's actual classes are known once it is loaded.

    Returns:
        Empty if the file cannot be read; loading it gives the reason.
    """
    family = family_of(path)
    return () if family is None else family.class_names(path)


def _ultralytics() -> Adapter:
    from engine.detectors import ultralytics

    return ultralytics


def _ultralytics_trainer() -> Trainer:
    from engine.detectors import ultralytics_training

    return ultralytics_training


DETECTORS.add(
    DetectorFamily(
        name="ultralytics",
        help="YOLO v5u to 12 and 26 in Ultralytics' files.",
        published="a name that Ultralytics knows (yolo11n.pt)",
        offered=("yolo11n", "yolo11s", "yolo11m", "yolov8n", "yolov8s", "yolov8m"),
        losses={
            "total": "The detector's own training loss",
            "cls": "The class part of the training loss",
            "box": "The box part of the training loss",
            "dfl": "The edge part of the training loss",
        },
        knows=Path.is_file,
        class_names=classes_in,
        adapter=_ultralytics,
        trainer=_ultralytics_trainer,
    )
)
