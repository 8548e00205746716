# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics data files (`.yaml`): class names and the paths of each split's images. No torch."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import yaml

from engine.datasets.annotations import MAX_CLASSES
from engine.datasets.files import find_file, is_clutter, path_ends
from engine.datasets.label_forms import KeypointShape
from engine.datasets.splits import SPLITS
from engine.errors import DatasetError
from engine.excerpts import read_bounded, short_line, short_repr

DATA_SUFFIXES = (".yaml", ".yml")

MAX_BYTES = 2**19  # twice the size of the names of 10,000 classes
MAX_NODES = 100_000  # with aliases expanded
_KEYS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """The content of a data file.

    Attributes:
        class_names: index → name, with empty names for gaps; None if the file has none.
        splits: split → its entries (folders, list files) as written.
        keypoints: its `kpt_shape`, which describes keypoints after the box in label lines; None if missing.
        source: absolute path of the file, with links not resolved.
        root: its `path` as written; "" if missing.
    """

    class_names: tuple[str, ...] | None
    splits: dict[str, tuple[str, ...]]
    source: Path
    root: str
    keypoints: KeypointShape | None = None

    def entries(self, split: str) -> list[Path]:
        """Absolute paths of the existing folders and list files of a split, with links not resolved.

        Raises:
            DatasetError: an entry does not exist.
            KeyError: the file has no such split.
        """
        return [self._locate(entry) for entry in self.splits[split]]

    @cached_property
    def moved(self) -> bool:
        """Whether its paths are from another machine, and only files beside it can be read."""
        lost_root = bool(self.root) and not any(find_file(base) for base in self._roots())
        return lost_root or self._foreign

    @cached_property
    def _foreign(self) -> bool:
        """Whether no entry of any split exists at its path."""
        entries = [entry for written in self.splits.values() for entry in written]
        return not any(find_file(path) for entry in entries for path in self._paths(entry))

    def _locate(self, entry: str) -> Path:
        paths = self._paths(entry)
        # Of another machine's paths, only the ends can be valid here.
        ends = self._own_ends(entry) if self._foreign else []
        beside = [os.path.join(parent, end) for end in ends for parent in self._parents()]
        for path in (*paths, *beside):
            if (existing := find_file(path)) is not None:
                return _plain(existing)
        tried = ", ".join(map(short_line, dict.fromkeys(map(os.path.normpath, paths))))
        raise DatasetError(
            f"{self.source}: expected {short_repr(entry)} at {tried}, found nothing; correct `path`"
        )

    def _paths(self, entry: str) -> list[str]:
        """Possible paths of an entry: below `path`, or beside the file."""
        # Like Ultralytics: Roboflow writes ../train/images for train/images.
        spellings = [entry, entry[3:]] if entry.startswith("../") else [entry]
        bases = dict.fromkeys([*self._roots(), *self._parents()])
        return [os.path.join(base, spelling) for spelling in spellings for base in bases]

    def _roots(self) -> list[str]:
        """Possible values of `path`, relative to the file or to the working directory."""
        root = os.path.expanduser(self.root)
        return [os.path.join(parent, root) for parent in (*self._parents(), os.getcwd())]

    def _parents(self) -> list[str]:
        """The folder of the file, as written and with links resolved."""
        return list(dict.fromkeys(map(str, (self.source.parent, self.source.resolve().parent))))

    def _own_ends(self, entry: str) -> list[str]:
        """The ends of an entry that no other entry shares, which could confuse splits."""
        return [end for end in self._ends(entry) if self._end_counts[end] == 1]

    @cached_property
    def _end_counts(self) -> Counter[str]:
        entries = {entry for written in self.splits.values() for entry in written}
        return Counter(end for entry in entries for end in self._ends(entry))

    def _ends(self, entry: str) -> list[str]:
        absolute = entry.startswith(("/", "\\")) or entry[1:2] == ":"
        return path_ends(entry if absolute else f"{self.root}/{entry}")


def read_data_file(source: Path) -> DataFile:
    """Read an Ultralytics data file (https://docs.ultralytics.com/datasets/detect).

    Raises:
        DatasetError: it is not a YAML mapping, or names, path or splits are malformed.
    """
    try:
        content = yaml.load(read_bounded(source, MAX_BYTES).decode("utf-8-sig"), Loader=_Loader)
    # ValueError: invalid UTF-8, or a number or date that Python cannot represent.
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
    return DataFile(
        class_names=names,
        splits=splits,
        source=Path(os.path.abspath(source)),
        root=root,
        keypoints=_keypoints(source, content.get("kpt_shape")),
    )


def _keypoints(source: Path, written: Any) -> KeypointShape | None:
    match written:
        case None:
            return None
        case [int(keypoints), 2 | 3 as numbers] if 0 <= keypoints < 10_000:
            return KeypointShape(keypoints, numbers)
    raise DatasetError(
        f"{source}: expected `kpt_shape` as [keypoints, 2] or, with visibility, [keypoints, 3], "
        f"got {short_repr(written, 60)}"
    )


def lone_data_file(folder: Path) -> DataFile | None:
    """The only YAML file with class names in a folder; None if there is none or several.

    Raises:
        DatasetError: there are no class names, and a file cannot be read.
    """
    named, faults = [], []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in DATA_SUFFIXES and not is_clutter(path.name) and path.is_file():
            try:
                data = read_data_file(path)
            except DatasetError as error:
                faults.append(error)
            else:
                named += [data] if data.class_names is not None else []
    if faults and not named:
        raise faults[0]
    return named[0] if len(named) == 1 else None


def _plain(path: str) -> Path:
    """A path without `..`, resolving links where removing `..` textually would change the target."""
    plain = os.path.abspath(path)
    same = os.path.exists(plain) and os.path.samefile(plain, path)
    return Path(plain if same else os.path.realpath(path))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Rejects files whose aliases expand to too many values, as a few lines could stand for billions."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        known: dict[int, float] = {}
        if node is not None and _written_out(node, known) > max(MAX_NODES, len(known)):
            raise yaml.YAMLError("its aliases expand to too many values: write them out")
        return node


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """Number of nodes with aliases expanded; infinite if a node contains itself."""
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
    """Names from `names` (a list or id → name), or generic ones for the number of classes in `nc`."""
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
