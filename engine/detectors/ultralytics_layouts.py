# SPDX-License-Identifier: AGPL-3.0-only
"""Builds a model for weights without layers, by searching Ultralytics' published layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from engine.detectors.ultralytics_quiet import (
    ROOT,
    DetectionModel,
    PoseModel,
    SegmentationModel,
    make_divisible,
)
from engine.errors import DetectorError
from engine.excerpts import short_repr

_NAME = re.compile(r"(.*?)model\.(\d+)\.(.+)")
_KINDS: dict[str, Any] = {
    "Detect": DetectionModel,
    "v10Detect": DetectionModel,
    "Segment": SegmentationModel,
    "Segment26": SegmentationModel,
    "Pose": PoseModel,
    "Pose26": PoseModel,
}
_BRING = "use the .pt file that Ultralytics' model.save() writes, which contains the layers as well"


def model_of(weights: Mapping[str, Tensor]) -> nn.Module:
    """Build the detector whose weights and buffers have these names and shapes.

    Tries Ultralytics' own layouts with the same number of layers, width of the first layer, and head.

    Args:
        weights: a state dict of any float type; all names may share a prefix, as in `model.model.0.…`.

    Returns:
        An Ultralytics model in float32 with the weights; its classes are named by number.

    Raises:
        DetectorError: no layout matches.
    """
    matches = {name: match for name in weights if (match := _NAME.fullmatch(name))}
    prefixes = {match[1] for match in matches.values()}
    if not matches or len(matches) < len(weights) or len(prefixes) > 1:
        other = next((name for name in weights if name not in matches), "several prefixes")
        raise DetectorError(
            f"expected the weights of an Ultralytics detector (model.0.conv.weight …), "
            f"got a state dict without a model, with {short_repr(other)}; {_BRING}"
        )
    (prefix,) = prefixes
    bare = {name.removeprefix(prefix): value for name, value in weights.items()}
    last = max(int(match[2]) for match in matches.values())
    head = {match[3].partition(".")[0] for match in matches.values() if int(match[2]) == last}
    scores = bare.get(f"model.{last}.cv3.0.2.weight")
    first = bare.get("model.0.conv.weight", bare.get("model.1.conv.weight"))
    if scores is None or first is None or scores.dim() != 4 or first.dim() != 4 or len(scores) > 10_000:
        raise DetectorError(f"expected weights with a detection head, got none in layer {last}; {_BRING}")
    shapes = {name: tuple(value.shape) for name, value in bare.items()}
    for kind, layout in _layouts(last + 1, len(first), _kinds_of(head)):
        model = kind(layout, ch=first.shape[1], nc=len(scores), verbose=False)
        if {name: tuple(value.shape) for name, value in model.state_dict().items()} == shapes:
            model.load_state_dict(bare)
            return model
    raise DetectorError(
        f"expected the weights of one of Ultralytics' own layouts, got {last + 1} layers, "
        f"the first with {len(first)} channels, which fits none of them; {_BRING}"
    )


def _kinds_of(head: set[str]) -> tuple[str, ...]:
    """Names of the heads with these parts."""
    if "proto" in head:
        return ("Segment", "Segment26")
    return ("Pose", "Pose26") if "cv4" in head else ("Detect", "v10Detect")


def _layouts(layers: int, width: int, heads: tuple[str, ...]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Ultralytics' layouts with this number of layers, first width and head, each with its model's class."""
    for path in sorted(Path(ROOT).glob("cfg/models/**/yolo*.yaml")):
        layout = yaml.safe_load(path.read_text("utf-8"))
        head = layout["head"][-1][2]
        if head not in heads or len(layout["backbone"]) + len(layout["head"]) != layers:
            continue
        for scale, (_, share, most) in (layout.get("scales") or {"": (1, 1, float("inf"))}).items():
            stem = next(arguments for _, _, kind, arguments in layout["backbone"] if kind == "Conv")
            if make_divisible(min(stem[0], most) * share, 8) == width:
                yield _KINDS[head], layout | {"scale": scale, "yaml_file": path.name}
