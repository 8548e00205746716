# SPDX-License-Identifier: AGPL-3.0-only
"""Reads what a state dict's file says of itself: names, shapes, architecture, classes. No torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.detectors.pickle_tree import Node, Pairs, entries, read_pickles
from engine.detectors.weight_archive import WeightArchive, state_dict_node, tensor_shape
from engine.detectors.weight_files import TORCH_ZIP, is_safetensors
from engine.detectors.weight_sequence import MAGIC, WeightSequence
from engine.errors import DetectorError

_HEAD_BYTES = 16 * 2**20  # the names of a detector in a safetensors file take a tenth of one of these
_SEQUENCE_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class WeightFacts:
    """What a file says of its state dict.

    Attributes:
        shapes: name → sizes of each tensor.
        architecture: as the file names it; empty if it does not.
        class_names: as the file lists them; empty if it does not.
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    architecture: str = ""
    class_names: tuple[str, ...] = ()


def facts_in(path: Path) -> WeightFacts | None:
    """The facts of a file, which may be untrusted; None if it cannot be read or holds no state dict."""
    try:
        with open(path, "rb") as file:
            facts = _facts(file)
    except (DetectorError, OSError, ValueError):
        return None
    return facts if facts.shapes else None


def facts_of_tree(root: Node) -> WeightFacts:
    """The facts of a file of torch.save: architecture and classes may lie beside a state dict in a dict."""
    beside = entries(root)
    return WeightFacts(
        shapes={name: tensor_shape(node) for name, node in state_dict_node(root).items()},
        architecture=_text(beside.get("architecture")),
        class_names=_names(beside.get("classes")),
    )


def facts_of_safetensors(data: bytes) -> WeightFacts:
    """The facts of a safetensors file, from its first bytes: a length, and a JSON text of this length.

    Raises:
        ValueError: it is damaged.
    """
    (length,) = struct.unpack_from("<Q", data)
    if length > len(data) - 8:
        raise ValueError("a safetensors file with an incomplete header")
    try:
        header = json.loads(data[8 : 8 + length])
    except RecursionError as error:
        raise ValueError("a safetensors file whose header is nested too deep") from error
    if not isinstance(header, dict):
        raise ValueError("a safetensors file without names")
    known = header.pop("__metadata__", {})
    about = known if isinstance(known, dict) else {}
    shapes = {name: each.get("shape", ()) for name, each in header.items() if isinstance(each, dict)}
    return WeightFacts(
        shapes={name: tuple(shape) for name, shape in shapes.items() if _is_shape(shape)},
        architecture=_text(about.get("architecture")),
        class_names=_names(_parsed(about.get("classes"))),
    )


def contains(path: Path, marks: tuple[bytes, ...]) -> bool:
    """Whether any of these bytes occur where a weight file has its names; cheap, as nothing is parsed."""
    try:
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
            file.seek(0)
            names = WeightArchive(file).pickle if head.startswith(TORCH_ZIP) else file.read(_HEAD_BYTES)
    except (DetectorError, OSError, ValueError):
        return False
    opens = head.startswith((TORCH_ZIP, MAGIC)) or is_safetensors(names)
    return opens and any(mark in names for mark in marks)


def _facts(file: BinaryIO) -> WeightFacts:
    head = file.read(len(MAGIC))
    file.seek(0)
    if head.startswith(TORCH_ZIP):
        (root,) = read_pickles(WeightArchive(file).pickle)
        return facts_of_tree(root)
    if head == MAGIC:
        return facts_of_tree(WeightSequence(file.read(_SEQUENCE_BYTES)).root)
    data = file.read(_HEAD_BYTES)
    return facts_of_safetensors(data) if is_safetensors(data) else WeightFacts()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _names(value: Any) -> tuple[str, ...]:
    """Names from a list, or from a dict by index; none if anything in it is no name."""
    if isinstance(value, Pairs):
        value = dict(value.pairs) if all(isinstance(key, int) for key, _ in value.pairs) else None
        value = [value[index] for index in sorted(value)] if value else None
    is_list = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_list else ()


def _parsed(value: Any) -> Any:
    """The value of a JSON text, as metadata of safetensors are texts; None for any other text."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, int) for each in value)
