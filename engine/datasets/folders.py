# SPDX-License-Identifier: AGPL-3.0-only
"""Collects the images of YOLO datasets from folders and list files. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.files import walk_files
from engine.datasets.images import IMAGE_SUFFIXES
from engine.datasets.layouts import Layout, layout_of
from engine.datasets.lists import read_list
from engine.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """Images to read, folders to search for labels without an image, and notes for the user."""

    paths: tuple[str, ...]
    label_folders: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_layout(root: Path) -> Layout | None:
    """The layout of a folder's images; None if there are none."""
    start = len(str(root).rstrip(os.sep)) + 1
    images = walk_files(root, IMAGE_SUFFIXES)
    return layout_of(path[start:].replace(os.sep, "/") for path in images)


def collect_images(entries: Sequence[Path]) -> ImageFiles:
    """The images in folders (recursively) and in list files (`.txt`, one path per line), sorted.

    Raises:
        DatasetError: an entry is neither, or there are no images.
    """
    paths: list[str] = []
    label_folders: list[str] = []
    notes: list[str] = []
    seen: set[str] = set()
    for entry in entries:
        if entry.is_dir():
            paths += walk_files(entry, IMAGE_SUFFIXES, seen)
            label_folders += label_folder(entry)
        elif entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES:
            paths.append(str(entry))
        elif entry.is_file():
            listed, moved = read_list(entry)
            paths += listed
            if moved:
                notes.append(f"images that {entry.name} lists elsewhere were found next to it")
        else:
            raise DatasetError(f"{entry}: expected a folder of images or a list of them, found neither")
    if not paths:
        searched = ", ".join(str(entry) for entry in entries)
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise DatasetError(f"{searched}: expected images ({suffixes}), got none; check the path")
    return ImageFiles(paths=tuple(sorted(paths)), label_folders=tuple(label_folders), notes=tuple(notes))


def label_folder(folder: Path) -> list[str]:
    """The label folder of an image folder: one if the path contains `images`, otherwise none."""
    parts = [*folder.parts]
    if "images" not in parts:
        return []
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return [str(Path(*parts))]
