# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics data files (`.yaml`): class names and where each split's images lie. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.datasets.annotations import MAX_CLASSES
from engine.datasets.folders import SPLITS
from engine.datasets.label_forms import KeypointShape
from engine.errors import DatasetError

__all__ = ["DataFile", "read_data_file"]

_KEYS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """What a data file says.

    Attributes:
        class_names: index → name, gaps as empty names; None where the file names none.
        splits: split → its entries (folders, list files) as written.
        keypoints: its `kpt_shape`, None without one: what label lines hold after the box.
        source: the file.
        root: its `path` as written, "" without one.
    """

    class_names: tuple[str, ...] | None
    splits: dict[str, tuple[str, ...]]
    source: Path
    root: str
    keypoints: KeypointShape | None = None

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
        root = Path(self.root).expanduser()
        # Roboflow's files say ../train/images and mean train/images: Ultralytics reads them so too.
        spellings = [entry, entry[3:]] if entry.startswith("../") else [entry]
        bases = dict.fromkeys([parent / root, Path.cwd() / root, parent])
        places = [(base / spelling).resolve() for spelling in spellings for base in bases]
        for place in places:
            if place.exists():
                return place
        looked = ", ".join(dict.fromkeys(str(place) for place in places))
        raise DatasetError(
            f"{self.source}: expected {entry!r} at {looked}, got nothing there; correct `path`"
        )


def read_data_file(source: Path) -> DataFile:
    """Read an Ultralytics data file (https://docs.ultralytics.com/datasets/detect).

    Raises:
        DatasetError: not a YAML mapping, or names, path or splits of another form.
    """
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
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
        raise DatasetError(f"{source}: expected `path` to be text, got {root!r}")
    names = _class_names(source, content)
    return DataFile(
        class_names=names,
        splits=splits,
        source=source.resolve(),
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
        f"got {str(written)[:60]!r}"
    )


def _paths(source: Path, split: str, written: Any) -> tuple[str, ...]:
    entries = written if isinstance(written, list) else [written]
    if not all(isinstance(entry, str) for entry in entries):
        raise DatasetError(f"{source}: expected `{split}` to be a path or a list of paths, got {written!r}")
    return tuple(entries)


def _class_names(source: Path, content: dict[Any, Any]) -> tuple[str, ...] | None:
    """Names from `names` (a list or id → name) or, where there are none, as many as `nc` says."""
    names, count = content.get("names"), content.get("nc")
    if names is None and isinstance(count, int) and 0 <= count <= MAX_CLASSES:
        return tuple(f"class_{index}" for index in range(count))
    if names is None and count is None:
        return None
    try:
        pairs = enumerate(names) if isinstance(names, list) else names.items()  # type: ignore[union-attr]
        by_id = {int(index): str(name) for index, name in pairs}
        if not all(0 <= index < MAX_CLASSES for index in by_id):
            raise ValueError
    except (AttributeError, TypeError, ValueError):
        raise DatasetError(
            f"{source}: expected `names` as a list, or ids 0 to {MAX_CLASSES - 1} with names, "
            f"got names {str(names)[:60]!r} and nc {str(count)[:20]!r}"
        ) from None
    return tuple(by_id.get(index, "") for index in range(max(by_id, default=-1) + 1))
