# SPDX-License-Identifier: AGPL-3.0-only
"""Finds the image files named in COCO JSON, even by paths of other machines and folders. No torch."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from engine.datasets.files import find_file
from engine.errors import DatasetError
from engine.excerpts import short_repr

_DRIVE = re.compile(r"[A-Za-z]:")
_FIRST = 20  # number of images, at least one of which must be in the folder

Parts = tuple[str, ...]


class ImageFolder:
    """A folder of images, and an index of its files, built when a name is not found as written.

    Args:
        root: the folder that names are relative to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, file_name: str) -> str:
        """The path of a file by its name as written, in any Unicode normal form, whether it exists or not."""
        written = str(self.root / file_name)
        return find_file(written) or written

    def has(self, file_name: str) -> bool:
        """Whether the file exists by its name as written."""
        return os.path.isfile(self.path(file_name))

    def search(self, file_name: str) -> list[str]:
        """The files inside the folder whose paths share the longest end with a name.

        Understands backslashes, drives, `..` and %20, and compares accents in any Unicode normal form.
        """
        for parts in _spellings(file_name):
            candidates = self._files.get(parts[-1], []) if parts else []
            common = [_common_end(parts, each) for each in candidates]
            best = [each for each, end in zip(candidates, common, strict=True) if end == max(common)]
            if best:
                return sorted(path for each in best if (path := self._inside(each)) is not None)
        return []

    def _inside(self, parts: Parts) -> str | None:
        path = self._written[parts]
        return path if Path(path).resolve().is_relative_to(self.root.resolve()) else None

    @cached_property
    def _written(self) -> dict[Parts, str]:
        """The path of each file by its parts below the folder."""
        paths = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
            below = Path(folder).relative_to(self.root).parts
            for name in names:
                paths[_composed((*below, name))] = os.path.join(folder, name)
        return paths

    @cached_property
    def _files(self) -> dict[str, list[Parts]]:
        """The parts of all files with a name."""
        files = defaultdict(list)
        for parts in self._written:
            files[parts[-1]].append(parts)
        return files


def find_folder(source: Path, file_names: Sequence[str], named: Path | None) -> ImageFolder:
    """Find a folder that contains at least one of the first images.

    Args:
        source: the JSON file.
        file_names: of its images, as written.
        named: the folder given by the user; None searches the usual folders.

    Raises:
        DatasetError: there is no such folder.
    """
    parent = source.resolve().parent
    split = source.stem.removeprefix("instances_")
    paths = [parent / "images", parent, parent.parent / "images", parent.parent / split]
    paths += [parent / "images" / split, parent.parent / "images" / split, parent.parent]
    if named is not None:
        paths = [named.expanduser().resolve()]
    names = file_names[:_FIRST]
    folders = [ImageFolder(path) for path in paths]
    for folder in folders:
        if not names or any(map(folder.has, names)):
            return folder
    tails = [os.path.join(*tail) for name in names for tail in _tails(name)]
    for folder in folders:
        if any(map(folder.has, tails)):
            return folder
    for folder in folders:  # only folders of images are indexed, since others may be huge
        if (named is not None or folder.root.name == "images") and any(map(folder.search, names)):
            return folder
    searched = ", ".join(str(path) for path in paths)
    raise DatasetError(
        f"{source}: expected the image {short_repr(names[0])} in one of {searched}, found none; "
        "name the image folder"
    )


def _spellings(file_name: str) -> Iterator[Parts]:
    """The parts of a name, as written and with percent-encoding decoded."""
    decoded = unquote(file_name)
    for text in dict.fromkeys((file_name, decoded)):
        plain = text[2:] if _DRIVE.match(text) else text
        parts = plain.replace("\\", "/").split("/")
        yield _composed(tuple(part for part in parts if part not in ("", ".", "..")))


def _tails(file_name: str) -> Iterator[Parts]:
    for parts in _spellings(file_name):
        yield from (parts[start:] for start in range(len(parts)))


def _common_end(first: Parts, second: Parts) -> int:
    """Number of equal parts at the end."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next((end for end, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _composed(parts: Parts) -> Parts:
    return tuple(unicodedata.normalize("NFC", part) for part in parts)
