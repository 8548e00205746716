# SPDX-License-Identifier: AGPL-3.0-only
"""Families of detectors: whose a weight file is, its classes without torch, the module that loads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.detectors import torchvision_names, transformers_folder
from engine.detectors.weight_classes import classes_in
from engine.registries import DETECTORS

if TYPE_CHECKING:
    import torch

    from engine.detectors.base import Detector
    from engine.detectors.training import Trainer


class Adapter(Protocol):
    """A family's module of functions, which may import torch."""

    def load(
        self, path: Path, *, device: torch.device, trust: bool, fuse: bool, architecture: str
    ) -> Detector:
        """Load a frozen detector; see `engine.detectors.loading.load_detector` for arguments and errors."""

    def published_weights(self) -> Collection[str]:
        """Files that can be downloaded, as they are called below `PATCHBENCH_HOME/weights`."""

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
        published_classes: those of all published detectors, if they are the same; else empty.
        architectures: what `--architecture` may say of the family's files that do not say it themselves.
        layouts: what its trainer makes of random weights, without a file, named
            `torchvision/fasterrcnn_small`.
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
    published_classes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ()
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


def published_classes(weights: str) -> tuple[str, ...]:
    """The classes of weights that are offered, whether they are here or not; empty if they are not known."""
    return next((each.published_classes for each in DETECTORS.things() if weights in each.offered), ())


def layout_named(weights: str) -> tuple[DetectorFamily, str] | None:
    """The family and the layout that a name such as `torchvision/fasterrcnn_small` stands for, if any.

    It can be trained from random weights without a file.
    """
    family, _, layout = weights.partition("/")
    named = DETECTORS.get(family)
    return (named, layout) if named is not None and layout in named.layouts else None


def _ultralytics() -> Adapter:
    from engine.detectors import ultralytics

    return ultralytics


def _torchvision() -> Adapter:
    from engine.detectors import torchvision

    return torchvision


def _transformers() -> Adapter:
    from engine.detectors import transformers

    return transformers


def _torchvision_trainer() -> Trainer:
    from engine.detectors import torchvision_training

    return torchvision_training


def _ultralytics_trainer() -> Trainer:
    from engine.detectors import ultralytics_training

    return ultralytics_training


DETECTORS.add(
    DetectorFamily(
        name="ultralytics",
        help="YOLO v5u to 12 and 26, and RT-DETR, in Ultralytics' files.",
        published="a name that Ultralytics knows (yolo11n.pt)",
        offered=("yolo11n", "yolo11s", "yolo11m", "yolov8n", "yolov8s", "yolov8m", "rtdetr-l"),
        losses={
            "total": "The detector's own training loss",
            "cls": "Classification part of the training loss",
            "box": "Box regression part of the training loss",
            "dfl": "Distribution focal loss: the part of the training loss for box edges",
            "l1": "L1 part of the training loss: position and size of boxes",
            "giou": "GIoU part of the training loss: overlap of boxes",
        },
        knows=Path.is_file,
        class_names=classes_in,
        adapter=_ultralytics,
        layouts=("yolo11_small",),
        trainer=_ultralytics_trainer,
    )
)
DETECTORS.add(
    DetectorFamily(
        name=torchvision_names.FAMILY,
        help="Faster R-CNN, Mask R-CNN, RetinaNet, FCOS and SSD of torchvision.",
        published=f"a name that torchvision knows ({torchvision_names.PUBLISHED[0]})",
        offered=torchvision_names.PUBLISHED,
        losses={
            "total": "The detector's own training loss",
            "cls": "Classification part of the training loss",
            "box": "Box regression part of the training loss",
            "classifier": "Classification part of the second stage's training loss",
            "objectness": "Objectness part of the training loss: whether first-stage proposals are objects",
            "rpn": "Box regression part of the first stage's training loss",
            "centerness": "Centerness part of the training loss: how central a point lies in its object",
        },
        knows=torchvision_names.knows,
        class_names=torchvision_names.class_names,
        adapter=_torchvision,
        published_classes=torchvision_names.COCO_CLASSES,
        architectures=torchvision_names.ARCHITECTURES,
        layouts=torchvision_names.ARCHITECTURES,
        trainer=_torchvision_trainer,
    )
)
DETECTORS.add(
    DetectorFamily(
        name=transformers_folder.FAMILY,
        help="DETR, Deformable DETR, RT-DETR, D-FINE, YOLOS and others of Hugging Face transformers.",
        published="a name of Hugging Face's hub (PekingU/rtdetr_v2_r18vd)",
        offered=(),
        losses={
            "total": "The detector's own training loss",
            "ce": "Classification part of a DETR's training loss",
            "bbox": "L1 part of a DETR's training loss: position and size of boxes",
            "giou": "GIoU part of the training loss: overlap of boxes",
        },
        knows=transformers_folder.knows,
        class_names=transformers_folder.class_names,
        adapter=_transformers,
    )
)
