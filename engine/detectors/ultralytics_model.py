# SPDX-License-Identifier: AGPL-3.0-only
"""Checks and prepares an Ultralytics model: validity, branch, fusing, class names, settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from engine.detectors.ultralytics_quiet import DEFAULT_CFG_DICT, Detect, IterableSimpleNamespace
from engine.errors import DetectorError
from engine.excerpts import short_line, short_repr

_HEADS = re.compile(r"(Detect|v10Detect|WorldDetect|YOLOEDetect)|(Segment|Pose|YOLOESegment)(26)?")
_CLASSIFIER = "expected a detector, got a classification model, which finds no boxes; use detection weights"
_ROTATED = (
    "expected a detector with axis-aligned boxes, got one with rotated boxes (OBB), "
    "which cannot be scored against axis-aligned ones; use detection weights"
)
_PIXELS = "expected a detector, got a model that labels pixels and finds no boxes; use detection weights"
OTHER_MODELS = {
    **dict.fromkeys(("ClassificationModel", "Classify"), _CLASSIFIER),
    **dict.fromkeys(("OBBModel", "OBB", "OBB26"), _ROTATED),
    **dict.fromkeys(("SemanticSegmentationModel", "SemanticSegment", "DepthModel", "Depth"), _PIXELS),
}
"""Class names of Ultralytics' models and heads for other tasks → message."""


def detection_model(model: nn.Module) -> Any:
    """Return the model if its last layer is a detection head, possibly with an additional task.

    Raises:
        DetectorError: it is not, or its boxes are rotated.
    """
    head = last_layer(model)
    got = type(head if head is not None else model).__name__
    if got in OTHER_MODELS:
        raise DetectorError(OTHER_MODELS[got])
    if not isinstance(head, Detect) or not _HEADS.fullmatch(got):
        raise DetectorError(f"expected an Ultralytics detection model, got {got}; use detection weights")
    return model


def last_layer(model: nn.Module) -> nn.Module | None:
    """The last layer of a model of Ultralytics, its head; None for any other model."""
    layers = getattr(model, "model", None)
    return layers[-1] if isinstance(layers, nn.Sequential) and len(layers) else None


def input_channels(model: Any) -> int:
    """Number of input channels: 3, or 1 for grey images.

    Raises:
        DetectorError: it is another number, such as for multispectral images.
    """
    first = next((layer for layer in model.modules() if isinstance(layer, nn.Conv2d)), None)
    channels = first.in_channels if first is not None else 0
    if channels not in (1, 3):
        raise DetectorError(
            f"expected a detector for colour or grey images, got one for {channels} channels; "
            "use other weights"
        )
    return channels


def choose_branch(head: Any, end_to_end: bool | None) -> bool:
    """Whether inference uses the one-to-one head; also sets Ultralytics' own flag."""
    has_one2one = getattr(head, "one2one_cv2", None) is not None
    if end_to_end and not has_one2one:
        raise DetectorError(
            "end_to_end: expected a model with a one-to-one head, got one without; leave it out"
        )
    head.end2end = has_one2one if end_to_end is None else end_to_end
    return bool(head.end2end)


def fuse_batch_norm(model: Any) -> None:
    """Fold batch norm into convolutions, but keep both branches of the head for the losses."""
    head = model.model[-1]
    head.fuse = lambda: None
    try:
        model.fuse(verbose=False)
    finally:
        del head.fuse


def hyperparameters(args: Any) -> IterableSimpleNamespace:
    """Ultralytics' settings, such as loss gains, with its defaults for those missing in the checkpoint."""
    known = args if isinstance(args, dict) else vars(args) if args is not None else {}
    return IterableSimpleNamespace(**{**DEFAULT_CFG_DICT, **known})


def class_names(names: dict[int, str] | Iterable[str] | None, count: int) -> list[str]:
    """Class names by index; a class without a name is named by its number."""
    known = names if isinstance(names, dict) else dict(enumerate(names or ()))
    by_index = {str(index): name for index, name in known.items()}  # JSON converts numeric keys to text
    ordered = (by_index.get(str(index), index) for index in range(count))
    return [name if isinstance(name, str) else short_repr(name) for name in ordered]


def family(model: Any) -> str:
    """The architecture without its size, such as `yolov8` or `yolo11`; `yolo` if unknown."""
    written = (getattr(model, "yaml", None) or {}).get("yaml_file", "")
    match = re.match(r"yolov?\d+", short_line(written) if isinstance(written, str | Path) else "")
    return match.group() if match else "yolo"
