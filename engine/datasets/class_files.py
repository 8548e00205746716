# SPDX-License-Identifier: AGPL-3.0-only
"""Class names in text files of label tools: `classes.txt`, `obj.names`, `obj.data` … No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from engine.datasets.annotations import MAX_CLASSES
from engine.datasets.files import is_clutter, path_ends, read_text
from engine.errors import DatasetError

CLASS_FILE_SUFFIXES = frozenset({".data", ".labels", ".names"})
"""Besides `.txt`; `_darknet.labels` is Roboflow's, the others are Darknet's."""

_TEXT_FILES = ("classes.txt", "labels.txt")
_NUMBERS = re.compile(r"[\d\s.+\-eE]+")
_LONGEST_NAME = 200
_MAX_BYTES = 2**20


def is_class_file(name: str) -> bool:
    """Whether a file of this name contains class names or refers to them."""
    lower = name.lower()
    return lower in _TEXT_FILES or PurePosixPath(lower).suffix in CLASS_FILE_SUFFIXES


def find_class_names(folders: Iterable[Path]) -> tuple[tuple[str, ...], Path] | None:
    """Class names and their file, from the first folder with such a file.

    Within a folder the order is `classes.txt`, `.names`, `.data`, `.labels`, `labels.txt`.
    """
    for folder in dict.fromkeys(folders):
        for file in _class_files(folder):
            names = _data_names(file) if file.suffix.lower() == ".data" else _names(file)
            if names:
                return names, file
    return None


def _class_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [
        path
        for path in sorted(folder.iterdir())
        if is_class_file(path.name) and not is_clutter(path.name) and path.is_file()
    ]
    order = ("classes.txt", ".names", ".data", ".labels", "labels.txt")
    return sorted(files, key=lambda path: [path.name.lower().endswith(end) for end in order].index(True))


def _names(file: Path) -> tuple[str, ...] | None:
    """Read one name per line; None if the lines are something else, such as the labels of an image."""
    try:
        lines = [line.strip() for line in read_text(file, _MAX_BYTES).splitlines()]
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise DatasetError(
            f"{file}: expected class names, one per line, got an unusable file ({error.strerror}); "
            "correct or remove it"
        ) from error
    names = tuple(filter(None, lines))
    if len(names) > MAX_CLASSES or any(len(name) > _LONGEST_NAME or "\0" in name for name in names):
        return None
    if names and all(_NUMBERS.fullmatch(name) and len(name.split()) > 1 for name in names):
        return None
    return names


def _data_names(file: Path) -> tuple[str, ...] | None:
    """The names that a Darknet data file refers to by `names = data/obj.names`, also if beside it."""
    try:
        entry = re.search(r"^\s*names\s*=\s*(\S.*?)\s*$", read_text(file), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return None
    for end in path_ends(entry[1]) if entry else []:
        if (path := file.parent / end).is_file():
            return _names(path)
    return None
