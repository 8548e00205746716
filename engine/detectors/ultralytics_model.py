# SPDX-License-Identifier: AGPL-3.0-only
"""Preparing an Ultralytics model: is it a detector, which branch answers, fusing, names, settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from engine.detectors.ultralytics_quiet import DEFAULT_CFG_DICT, Detect, IterableSimpleNamespace, v10Detect
from engine.errors import DetectorError
from engine.excerpts import short_line, short_repr

__all__ = ["choose_branch", "class_names", "detection_model", "family", "fuse_batch_norm", "hyperparameters"]


def detection_model(model: nn.Module) -> Any:
    """The model, if its last layer is a plain detection head."""
    layers = getattr(model, "model", None)
    head = layers[-1] if isinstance(layers, nn.Sequential) and len(layers) else None
    if type(head) not in (Detect, v10Detect):  # heads of other tasks derive from these
        got = type(head if head is not None else model).__name__
        raise DetectorError(
            f"expected a detection model (head Detect or v10Detect), got {got}; use detection weights"
        )
    return model


def choose_branch(head: Any, end_to_end: bool | None) -> bool:
    """Whether inference goes through the one-to-one head; Ultralytics itself is told the same."""
    has_one2one = getattr(head, "one2one_cv2", None) is not None
    if end_to_end and not has_one2one:
        raise DetectorError(
            "end_to_end: expected a model with a one-to-one head, got one without; leave it out"
        )
    head.end2end = has_one2one if end_to_end is None else end_to_end
    return bool(head.end2end)


def fuse_batch_norm(model: Any) -> None:
    """Fold batch norm into convolutions but keep both branches of the head, which the losses need."""
    head = model.model[-1]
    head.fuse = lambda: None
    try:
        model.fuse(verbose=False)
    finally:
        del head.fuse


def hyperparameters(args: Any) -> IterableSimpleNamespace:
    """Ultralytics' settings (loss gains among them), its defaults where the checkpoint has none."""
    known = args if isinstance(args, dict) else vars(args) if args is not None else {}
    return IterableSimpleNamespace(**{**DEFAULT_CFG_DICT, **known})


def class_names(names: dict[int, str] | Iterable[str], count: int) -> list[str]:
    """Class names by index; a class without a name is called by its number."""
    known = names if isinstance(names, dict) else dict(enumerate(names))
    found = (known.get(index, index) for index in range(count))
    return [name if isinstance(name, str) else short_repr(name) for name in found]


def family(model: Any) -> str:
    """The architecture without its size, `yolov8` or `yolo11`; `yolo` where the checkpoint does not say."""
    written = (getattr(model, "yaml", None) or {}).get("yaml_file", "")
    found = re.match(r"yolov?\d+", short_line(written) if isinstance(written, str | Path) else "")
    return found.group() if found else "yolo"
