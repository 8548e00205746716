# SPDX-License-Identifier: AGPL-3.0-only
"""Reads a detector of transformers and how it wants its images, from a folder, running nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from engine.detectors.transformers_quiet import (
    MODEL_FOR_OBJECT_DETECTION_MAPPING,
    AutoConfig,
    AutoImageProcessor,
    AutoModelForObjectDetection,
)
from engine.detectors.weight_files import MAX_BYTES
from engine.errors import DetectorError
from engine.excerpts import short_line, short_repr

_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_SPARE_BYTES = 2**24
_FIXED_SIZES = ("anchor_image_size", "eval_size")  # for which some models keep anchors and positions ready


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """How a model wants its images: `pixels * scale`, less the mean, divided by the standard deviation.

    Attributes:
        scale: of pixels from 0 to 1.
        mean, std: of each channel.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


def read_model(path: Path) -> Any:
    """Build the model that a folder's configuration describes, with the weights of its safetensors.

    Raises:
        DetectorError: it is no detector, its weights are of another kind or model, or too large.
    """
    size = _weights_bytes(path)
    with _one_line("a detector that this version of transformers understands"):
        config = AutoConfig.from_pretrained(path, **_LOCAL)
    if type(config) not in MODEL_FOR_OBJECT_DETECTION_MAPPING:
        got = (getattr(config, "architectures", None) or [config.model_type])[0]
        raise DetectorError(
            f"expected a model for object detection, got {short_line(got)}; choose a detector"
        )
    for name in _FIXED_SIZES:
        if hasattr(config, name):
            setattr(config, name, None)
    with _one_line("a detector that this version of transformers understands"):
        _require_size(config, size)
        model, report = AutoModelForObjectDetection.from_pretrained(
            path, config=config, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **_LOCAL
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise DetectorError(
            f"expected the weights of {type(model).__name__}, got none for {missing[0]} and "
            f"{len(missing) - 1} others; save model and configuration together with save_pretrained"
        )
    return model


def read_normalization(path: Path) -> Normalization:
    """How the model wants its images, from the settings of its image processor.

    Raises:
        DetectorError: they cannot be read.
    """
    with _one_line("a preprocessor_config.json, which states how images are prepared"):
        processor: Any = AutoImageProcessor.from_pretrained(path, **_LOCAL)
        scale = 255 * float(processor.rescale_factor) if processor.do_rescale else 255.0
        if not processor.do_normalize:
            return Normalization(scale=scale)
        mean, std = (tuple(map(float, each)) for each in (processor.image_mean, processor.image_std))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"image_mean {short_repr(mean)}, image_std {short_repr(std)}")
        return Normalization(scale=scale, mean=mean, std=std)


def _weights_bytes(path: Path) -> int:
    """The size of a folder's safetensors."""
    files = list(path.glob("*.safetensors"))
    if not files:
        pickles = [*path.glob("*.bin"), *path.glob("*.pt"), *path.glob("*.pth")]
        got = f"{pickles[0].name}, a pickle, which could run code" if pickles else "none"
        raise DetectorError(
            f"expected model.safetensors next to config.json, got {got}; save the model with a current "
            "transformers: model.save_pretrained(folder)"
        )
    size = sum(file.stat().st_size for file in files)
    if size > MAX_BYTES:
        raise DetectorError(
            f"expected at most {MAX_BYTES / 2**30:.0f} GiB of weights, got {size / 2**30:.1f} GiB; "
            "choose a detector"
        )
    return size


def _require_size(config: Any, size_bytes: int) -> None:
    """Reject a configuration of a far larger model than the weights, before it takes memory.

    Raises:
        ValueError: there are more weights to fill than the file can hold, at a byte each.
    """
    with torch.device("meta"):
        shell = AutoModelForObjectDetection.from_config(config, trust_remote_code=False)
    count = sum(each.numel() for each in shell.parameters())
    if count > size_bytes + _SPARE_BYTES:
        raise ValueError(f"a configuration of {count:.1e} weights with a file of {size_bytes:.1e} bytes")


@contextmanager
def _one_line(expected: str) -> Iterator[None]:
    """A context whose errors, of which libraries raise any kind, become one line.

    Raises:
        DetectorError: something was raised.
    """
    try:
        yield
    except ImportError as error:
        raise DetectorError(
            f"expected the packages that this model needs, got {short_line(error)}; run: "
            "pip install -r requirements-transformers.txt"
        ) from error
    except (
        *(ArithmeticError, AttributeError, LookupError, OSError),
        *(RecursionError, RuntimeError, SafetensorError, TypeError, ValueError),
    ) as error:
        raise DetectorError(
            f"expected {expected}, got {type(error).__name__}: {short_line(error)}; "
            "save it again with a current transformers: save_pretrained(folder)"
        ) from error
