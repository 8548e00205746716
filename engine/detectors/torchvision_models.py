# SPDX-License-Identifier: AGPL-3.0-only
"""Builds torchvision's detectors and puts state dicts of any version into them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.ops.misc import FrozenBatchNorm2d

from engine.detectors.torchvision_names import (
    ARCHITECTURES,
    bare_names,
    label_count,
    likely_architectures,
    published_architecture,
)
from engine.detectors.torchvision_small import fasterrcnn_small
from engine.errors import DetectorError
from engine.excerpts import short_repr

_EXACT_NORMS = ("fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
"""Architectures whose published weights torchvision runs with an epsilon of 0 in their batch norm."""

_OWN = {"fasterrcnn_small": fasterrcnn_small}  # what torchvision does not know by name
_COUNTERS = "num_batches_tracked"  # of batch norm in training; frozen ones have none
# Names of before torchvision 0.14, in which its published weights are stored.
_FORMER = (
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)"), r"\1.0.\2"),
    (re.compile(r"(rpn\.head\.conv)\.(weight|bias)"), r"\1.0.0.\2"),
)
_FORMER_MASK = re.compile(r"(roi_heads\.mask_head\.)mask_fcn(\d+)\.(weight|bias)")
_FORMER_RETINA = re.compile(r"(head\.(?:classification|regression)_head\.conv\.)(\d+)\.(weight|bias)")


def choose_architecture(path: Path, given: str, written: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The architecture of a file's state dict: the one given, else its own word, else the one that it shows.

    Args:
        path: the file.
        given: an architecture; `auto` to find it out.
        written: as the file names it; empty if it does not.
        shapes: of its tensors by name.

    Raises:
        DetectorError: it is unknown, or several have such weights.
    """
    named = given if given != "auto" else published_architecture(path) or written
    if named:
        if named not in ARCHITECTURES:
            raise DetectorError(
                f"weights {path}: expected an architecture of {', '.join(ARCHITECTURES)}, "
                f"got {short_repr(named)}; name one of these with --architecture"
            )
        return named
    likely = likely_architectures(bare_names(shapes))
    if len(likely) != 1:
        expected = " or ".join(likely) or "a torchvision detector"
        got = "weights that fit both" if likely else f"{short_repr(next(iter(shapes), ''))} and others"
        raise DetectorError(
            f"weights {path}: expected a state dict of {expected}, got {got}; name it with --architecture"
        )
    return likely[0]


def build_model(path: Path, architecture: str, weights: Mapping[str, Tensor]) -> tuple[nn.Module, int]:
    """A detector with weights, in float32 on the CPU, and the number of its labels with the background.

    Args:
        path: the file, for messages.
        architecture: one of torchvision's.
        weights: a state dict of it with any number of classes, in the names of any version.

    Raises:
        DetectorError: names or shapes are of something else.
    """
    bare = bare_names(weights)
    labels = label_count({name: tuple(value.shape) for name, value in bare.items()}, architecture)
    expected = _layout(architecture, max(labels, 2))
    fitting = _renamed(bare, expected)
    different = _difference(fitting, expected)
    if different:
        raise DetectorError(
            f"weights {path}: expected a state dict of {architecture}, got {different}; {_advice(bare)}"
        )
    with torch.random.fork_rng(devices=[]):  # its first weights are random, and no chance of a run
        model = new_model(architecture, labels)
    model.load_state_dict(fitting, strict=False)  # all is there but counters
    if architecture in _EXACT_NORMS and published_architecture(path):
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d | FrozenBatchNorm2d):
                layer.eps = 0.0
    return model, labels


def new_model(architecture: str, labels: int) -> nn.Module:
    """A detector with random weights, drawn from torch's global generator; labels with the background."""
    if architecture in _OWN:
        return _OWN[architecture](labels)
    return get_model(architecture, weights=None, weights_backbone=None, num_classes=labels)


def take_weights(model: nn.Module, former: nn.Module, architecture: str, rows: Mapping[int, int]) -> None:
    """Give a detector the weights of another one of its architecture, which may know other classes.

    Args:
        model: changed in place.
        former: the other one.
        architecture: of both.
        rows: label of the model → label of the former; other labels keep their weights.
    """
    own, theirs = model.state_dict(), former.state_dict()
    labels, former_labels = (
        label_count({name: tuple(value.shape) for name, value in each.items()}, architecture)
        for each in (own, theirs)
    )
    less, more = (_layout(architecture, count) for count in (2, 3))
    for name, value in own.items():
        if less[name] == more[name]:
            value.copy_(theirs[name])
            continue
        # Rows of a layer of scores are ordered by anchor, then label; those of boxes by label, then side.
        sides = 4 if name.startswith("roi_heads.box_predictor.bbox_pred") else 1
        ours = value.view(-1, labels, sides, *value.shape[1:])
        former_rows = theirs[name].view(-1, former_labels, sides, *value.shape[1:])
        for label, other in rows.items():
            ours[:, label] = former_rows[:, other]


def _layout(architecture: str, labels: int) -> dict[str, tuple[int, ...]]:
    """Name → shape of each tensor of an architecture, for which no memory is taken."""
    with torch.device("meta"):
        model = new_model(architecture, labels)
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def _renamed(weights: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The weights under today's names, without counters that the model does not have."""
    found = {name if name in expected else _todays(name): value for name, value in weights.items()}
    return {name: value for name, value in found.items() if name in expected or not name.endswith(_COUNTERS)}


def _todays(name: str) -> str:
    for former, todays in _FORMER:
        name = former.sub(todays, name)
    name = _FORMER_MASK.sub(lambda match: f"{match[1]}{int(match[2]) - 1}.0.{match[3]}", name)
    return _FORMER_RETINA.sub(lambda match: f"{match[1]}{int(match[2]) // 2}.0.{match[3]}", name)


def _difference(weights: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> str:
    """In what weights differ from a layout: the first name of each kind; empty if they fit."""
    missing = [name for name in expected if name not in weights and not name.endswith(_COUNTERS)]
    unexpected = [name for name in weights if name not in expected]
    others = [
        name for name, value in weights.items() if name in expected and tuple(value.shape) != expected[name]
    ]
    said = [
        f"{len(names)} {kind}, first {short_repr(names[0])}"
        for kind, names in (("missing", missing), ("unexpected", unexpected))
        if names
    ]
    if others and not said:
        shape = tuple(weights[others[0]].shape)
        said = [f"{short_repr(others[0])} of shape {shape} instead of {expected[others[0]]}"]
    return " and ".join(said)


def _advice(weights: Mapping[str, Tensor]) -> str:
    """Which architecture the weights would fit, if any does."""
    fitting = []
    for architecture in likely_architectures(weights):
        shapes = {name: tuple(value.shape) for name, value in weights.items()}
        expected = _layout(architecture, max(label_count(shapes, architecture), 2))
        if not _difference(_renamed(weights, expected), expected):
            fitting.append(architecture)
    if fitting:
        return f"it fits --architecture {' or '.join(fitting)}"
    return "it fits no architecture that PatchBench knows"
