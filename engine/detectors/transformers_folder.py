# SPDX-License-Identifier: AGPL-3.0-only
"""Folders of detectors as Hugging Face transformers saves them: their names and classes, without torch."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from engine.excerpts import short_repr
from engine.json_text import from_json

FAMILY = "transformers"
CONFIG = "config.json"
_MAX_CONFIG_BYTES = 2**24
_MOST_CLASSES = 100_000
_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_FILE = re.compile(
    r".*\.(pt|pth|pkl|bin|ckpt|safetensors|onnx|engine|torchscript|tflite|pb|xml|mlpackage)", re.I
)


def knows(path: Path) -> bool:
    """Whether a path is a folder with the configuration of a model."""
    return (path / CONFIG).is_file()


def is_hub_name(weights: str) -> bool:
    """Whether a name may be one of Hugging Face's hub, such as `facebook/detr-resnet-50`.

    A path is not, which is told by its suffix or by the folder that it begins with.
    """
    is_name = _HUB_NAME.fullmatch(weights) and not _FILE.fullmatch(weights)
    return bool(is_name) and not Path(weights).parent.exists()


def class_names(path: Path) -> tuple[str, ...]:
    """The classes that a folder's configuration names, by index; empty if it cannot be read."""
    file = path / CONFIG
    try:
        config = from_json(file.read_bytes()) if file.stat().st_size <= _MAX_CONFIG_BYTES else None
    except (OSError, RecursionError, ValueError):
        return ()
    return names_by_index(config.get("id2label") if isinstance(config, dict) else None)


def names_by_index(labels: Any) -> tuple[str, ...]:
    """Class names by index from a configuration's `id2label`, with numbers for those that it leaves out.

    Names that occur twice, such as the "N/A" of COCO's unused categories, are replaced by their numbers.
    """
    pairs = labels.items() if isinstance(labels, dict) else ()
    known = {
        int(index): name for index, name in pairs if str(index).isdecimal() and int(index) < _MOST_CLASSES
    }
    names = [known.get(index, index) for index in range(max(known, default=-1) + 1)]
    shown = [name if isinstance(name, str) else short_repr(name) for name in names]
    counts = Counter(shown)
    return tuple(name if counts[name] == 1 else str(index) for index, name in enumerate(shown))
