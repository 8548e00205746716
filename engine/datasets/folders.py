# SPDX-License-Identifier: AGPL-3.0-only
"""Where a YOLO dataset's images lie: folders, list files and the layouts in use. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.images import IMAGE_SUFFIXES
from engine.errors import DatasetError
from engine.excerpts import read_bounded, short_line

__all__ = ["SPLITS", "ImageFiles", "collect_images", "find_split"]

MAX_LIST_BYTES = 256 * 2**20
SPLITS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """Images to read and the folders in which labels without an image are looked for."""

    paths: tuple[str, ...]
    label_folders: tuple[str, ...]


def collect_images(entries: list[Path]) -> ImageFiles:
    """The images in folders (with all below them) and in list files (`.txt`, one path a line), sorted.

    Relative lines of a list file are relative to it, or where that gives no file, to the working folder.

    Raises:
        DatasetError: an entry that is neither, or no image in any.
    """
    paths: list[str] = []
    label_folders: list[str] = []
    for entry in entries:
        if entry.is_dir():
            paths += _walk(entry)
            label_folders += _counterparts(entry)
        elif entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES:
            paths.append(str(entry))
        elif entry.is_file():
            paths += _listed(entry)
        else:
            raise DatasetError(f"{entry}: expected a folder of images or a list of them, got no such file")
    if not paths:
        looked = ", ".join(str(entry) for entry in entries)
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise DatasetError(f"{looked}: expected images ({suffixes}), got none; check the path")
    return ImageFiles(paths=tuple(sorted(paths)), label_folders=tuple(label_folders))


def find_split(root: Path, split: str) -> list[Path] | None:
    """The folders of a YOLO folder that hold a split's images, None where it holds no images at all.

    Known layouts: `images/train…/`, `train…/images/`, and without splits `images/` or images in the folder
    itself, which then count as `train`.

    Raises:
        DatasetError: the folder has splits, but not this one.
    """
    nested = _split_folders(root / "images") or {
        name: [folder / "images" for folder in folders if (folder / "images").is_dir()]
        for name, folders in _split_folders(root).items()
    }
    available = {name: folders for name, folders in nested.items() if folders}
    if not available:
        whole = root / "images" if (root / "images").is_dir() else root
        if not _walk(whole):
            return None
        available = {"train": [whole]}
    if split not in available:
        raise DatasetError(
            f"{root}: expected images of the split {split!r}, got the splits {', '.join(available)}; "
            "choose one of them"
        )
    return available[split]


def _split_folders(parent: Path) -> dict[str, list[Path]]:
    """Folders by the split that their name begins with, as `train2017`."""
    found: dict[str, list[Path]] = {}
    if parent.is_dir():
        for folder in sorted(path for path in parent.iterdir() if path.is_dir()):
            for split, prefixes in SPLITS.items():
                if folder.name.lower().startswith(prefixes):
                    found.setdefault(split, []).append(folder)
    return found


def _walk(root: Path) -> list[str]:
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
    ]


def _counterparts(folder: Path) -> list[str]:
    """The label folder of an image folder, where the path says so."""
    parts = [*folder.parts]
    if "images" not in parts:
        return []
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return [str(Path(*parts))]


def _listed(file: Path) -> list[str]:
    try:
        lines = read_bounded(file, MAX_LIST_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = short_line(getattr(error, "strerror", None) or error)
        raise DatasetError(
            f"{file}: expected a text file of image paths, got one not readable ({reason})"
        ) from None
    return [_resolve(line.strip(), file.parent) for line in lines if line.strip()]


def _resolve(line: str, parent: Path) -> str:
    beside = os.path.normpath(os.path.join(parent, line))
    return beside if os.path.exists(beside) or not os.path.exists(line) else os.path.abspath(line)
