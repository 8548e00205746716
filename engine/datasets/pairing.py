# SPDX-License-Identifier: AGPL-3.0-only
"""Pairs label files with images. No torch."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from unicodedata import normalize

from engine.datasets.annotations import RepairLog
from engine.datasets.class_files import is_class_file
from engine.datasets.files import find_file, is_clutter, walk_files
from engine.datasets.images import IMAGE_SUFFIXES
from engine.datasets.splits import split_of

_IMAGES, _LABELS = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"


def label_path(image_path: str) -> str:
    """Ultralytics' path of a label: the last `/images/` becomes `/labels/`, the suffix `.txt`."""
    return os.path.splitext(_LABELS.join(image_path.rsplit(_IMAGES, 1)))[0] + ".txt"


def find_label(image_path: str) -> str:
    """An image's label file, or its expected path if there is none.

    Searched for relative to the path as written, then to the path with links resolved, with names in any
    Unicode normal form.
    """
    written = label_path(image_path)
    existing = find_file(written)
    if existing is None and (real := os.path.realpath(image_path)) != image_path:
        existing = find_file(label_path(real))
    return existing or written


def note_stray_labels(image_paths: Iterable[str], label_folders: Iterable[str], log: RepairLog) -> None:
    """Report label files without an image.

    Args:
        image_paths: images in use; the folders of their labels are searched.
        label_folders: further folders to search recursively.
        log: takes the repairs.
    """
    image_folders = {os.path.dirname(path) for path in image_paths}
    image_folders |= {os.path.realpath(folder) for folder in image_folders}
    expected = {
        normalize("NFC", label_path(path))
        for folder in image_folders
        for path in _files(folder, IMAGE_SUFFIXES)
    }
    searched = {os.path.dirname(label_path(os.path.join(folder, "x"))) for folder in image_folders}
    labels = {path for folder in searched for path in _files(folder, {".txt"})}
    for folder in label_folders:
        labels |= {*walk_files(folder, {".txt"})}
    for path in sorted(labels):
        if normalize("NFC", path) not in expected and not _is_no_label(os.path.basename(path)):
            log.add("label_without_image", path, None, "skipped")


def _is_no_label(name: str) -> bool:
    """Whether a text file is not a label, but class names, a split's list or a readme."""
    stem = os.path.splitext(name)[0]
    return is_class_file(name) or name.lower().startswith("readme") or split_of(stem) is not None


def _files(folder: str, suffixes: Container[str]) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.path
                for entry in entries
                if os.path.splitext(entry.name)[1].lower() in suffixes and not is_clutter(entry.name)
            ]
    except OSError:
        return []
