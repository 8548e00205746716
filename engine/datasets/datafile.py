# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics data files (`.yaml`): class names and where each split's images lie. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import yaml

from engine.datasets.annotations import MAX_CLASSES
from engine.datasets.folders import SPLITS
from engine.errors import DatasetError
from engine.excerpts import read_bounded, short_line, short_repr

__all__ = ["DataFile", "read_data_file"]

MAX_BYTES = 2**19  # the names of 10,000 classes take about half of it
MAX_NODES = 100_000  # with all that aliases stand for written out
_KEYS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """What a data file says.

    Attributes:
        class_names: index → name, gaps as empty names; None where the file names none.
        splits: split → its entries (folders, list files) as written.
        source: the file.
        root: its `path` as written, "" without one.
    """

    class_names: tuple[str, ...] | None
    splits: dict[str, tuple[str, ...]]
    source: Path
    root: str

    def entries(self, split: str) -> list[Path]:
        """Folders and list files of a split, absolute and there.

        Raises:
            DatasetError: no such split in the file, or an entry that is not there.
        """
        if split not in self.splits:
            there = ", ".join(self.splits) or "none"
            raise DatasetError(
                f"{self.source}: expected the split {split!r}, got a file with the splits {there}; choose one"
            )
        return [self._locate(entry) for entry in self.splits[split]]

    def _locate(self, entry: str) -> Path:
        """An entry below `path`, which is relative to the file or to the working folder."""
        parent = self.source.parent
        root = os.path.expanduser(self.root)  # unlike Path's it leaves a user that is not there as written
        # Roboflow's files say ../train/images and mean train/images: Ultralytics reads them so too.
        spellings = [entry, entry[3:]] if entry.startswith("../") else [entry]
        bases = dict.fromkeys([parent / root, Path.cwd() / root, parent])
        places = [os.path.abspath(base / spelling) for spelling in spellings for base in bases]
        for place in places:
            if os.path.exists(place):  # unlike Path.exists it answers no to what cannot be a path
                return Path(place).resolve()
        looked = ", ".join(short_line(place) for place in dict.fromkeys(places))
        raise DatasetError(
            f"{self.source}: expected {short_repr(entry)} at {looked}, got nothing there; correct `path`"
        )


def read_data_file(source: Path) -> DataFile:
    """Read an Ultralytics data file (https://docs.ultralytics.com/datasets/detect).

    Raises:
        DatasetError: not a YAML mapping, or names, path or splits of another form.
    """
    try:
        content = yaml.load(read_bounded(source, MAX_BYTES).decode("utf-8-sig"), Loader=_Loader)
    # ValueError: no UTF-8, or a number or date that Python has not.
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = short_line(getattr(error, "strerror", None) or error, 120)
        raise DatasetError(f"{source}: expected a YAML data file, got an unreadable one ({reason})") from None
    if not isinstance(content, dict):
        raise DatasetError(f"{source}: expected a YAML data file with names and splits, got no mapping")
    splits = {}
    for split in SPLITS:
        written = next((content[key] for key in _KEYS[split] if content.get(key)), None)
        if written is not None:
            splits[split] = _paths(source, split, written)
    root = content.get("path") or ""
    if not isinstance(root, str):
        raise DatasetError(f"{source}: expected `path` to be text, got {short_repr(root)}")
    names = _class_names(source, content)
    return DataFile(class_names=names, splits=splits, source=source.resolve(), root=root)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a file whose aliases, written out, make it large: a few lines could name billions of values."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        known: dict[int, float] = {}
        if node is not None and _written_out(node, known) > max(MAX_NODES, len(known)):
            raise yaml.YAMLError("its aliases stand for too much: write the values out")
        return node


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """How many nodes there are without aliases; infinitely many where one holds itself."""
    if id(node) not in known:
        known[id(node)] = inf
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inner = node.value
        elif isinstance(node, yaml.MappingNode):
            inner = [each for pair in node.value for each in pair]
        known[id(node)] = 1.0 + sum(_written_out(each, known) for each in inner)
    return known[id(node)]


def _paths(source: Path, split: str, written: Any) -> tuple[str, ...]:
    entries = written if isinstance(written, list) else [written]
    if not all(isinstance(entry, str) for entry in entries):
        got = short_repr(written)
        raise DatasetError(f"{source}: expected `{split}` to be a path or a list of paths, got {got}")
    return tuple(entries)


def _class_names(source: Path, content: dict[Any, Any]) -> tuple[str, ...] | None:
    """Names from `names` (a list or id → name) or, where there are none, as many as `nc` says."""
    names, count = content.get("names"), content.get("nc")
    if names is None and isinstance(count, int) and 0 <= count <= MAX_CLASSES:
        return tuple(f"class_{index}" for index in range(count))
    if names is None and count is None:
        return None
    try:
        if len(names) > MAX_CLASSES:  # type: ignore[arg-type]
            raise ValueError
        pairs = enumerate(names) if isinstance(names, list) else names.items()  # type: ignore[union-attr]
        by_id = {int(index): str(name) for index, name in pairs}
        if not all(0 <= index < MAX_CLASSES for index in by_id):
            raise ValueError
    except (AttributeError, TypeError, ValueError):
        raise DatasetError(
            f"{source}: expected `names` as a list, or ids 0 to {MAX_CLASSES - 1} with names, "
            f"got names {short_repr(names, 60)} and nc {short_repr(count, 20)}"
        ) from None
    return tuple(by_id.get(index, "") for index in range(max(by_id, default=-1) + 1))
