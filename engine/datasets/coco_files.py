# SPDX-License-Identifier: AGPL-3.0-only
"""Finds the image files that COCO JSON names, also by names from other machines and folders. No torch."""

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
_FIRST = 20  # images of which one must be in the folder

Parts = tuple[str, ...]


class ImageFolder:
    """A folder of images and, once a name is not found as written, the list of all files in it.

    Args:
        root: the folder that names are relative to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, file_name: str) -> str:
        """Where a file lies by its name as written, in any Unicode normal form, there or not."""
        written = str(self.root / file_name)
        return find_file(written) or written

    def has(self, file_name: str) -> bool:
        """Whether the file is there by its name as written."""
        return os.path.isfile(self.path(file_name))

    def search(self, file_name: str) -> list[str]:
        """The files whose paths have the longest end in common with a name; none lies outside the folder.

        Backslashes, drives, `..` and %20 are understood; accents compare as the same letters however they
        are encoded.
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
        found = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
            below = Path(folder).relative_to(self.root).parts
            for name in names:
                found[_composed((*below, name))] = os.path.join(folder, name)
        return found

    @cached_property
    def _files(self) -> dict[str, list[Parts]]:
        """The same by name."""
        found = defaultdict(list)
        for parts in self._written:
            found[parts[-1]].append(parts)
        return found


def find_folder(source: Path, file_names: Sequence[str], named: Path | None) -> ImageFolder:
    """The folder that holds at least one of the first images.

    Args:
        source: the JSON file.
        file_names: of its images, as written.
        named: the folder that the user named; None looks in the usual places.

    Raises:
        DatasetError: none does.
    """
    parent = source.resolve().parent
    split = source.stem.removeprefix("instances_")
    places = [parent / "images", parent, parent.parent / "images", parent.parent / split]
    places += [parent / "images" / split, parent.parent / "images" / split, parent.parent]
    if named is not None:
        places = [named.expanduser().resolve()]
    names = file_names[:_FIRST]
    folders = [ImageFolder(place) for place in places]
    for folder in folders:
        if not names or any(map(folder.has, names)):
            return folder
    tails = [os.path.join(*tail) for name in names for tail in _tails(name)]
    for folder in folders:
        if any(map(folder.has, tails)):
            return folder
    for folder in folders:  # all below is listed only where nothing but images is to be expected
        if (named is not None or folder.root.name == "images") and any(map(folder.search, names)):
            return folder
    looked = ", ".join(str(place) for place in places)
    raise DatasetError(
        f"{source}: expected the image {short_repr(names[0])} in one of {looked}, got none there; "
        "name the image folder"
    )


def _spellings(file_name: str) -> Iterator[Parts]:
    """The parts of a name, as written and with %20 and the like decoded."""
    decoded = unquote(file_name)
    for text in dict.fromkeys((file_name, decoded)):
        plain = text[2:] if _DRIVE.match(text) else text
        parts = plain.replace("\\", "/").split("/")
        yield _composed(tuple(part for part in parts if part not in ("", ".", "..")))


def _tails(file_name: str) -> Iterator[Parts]:
    for parts in _spellings(file_name):
        yield from (parts[start:] for start in range(len(parts)))


def _common_end(first: Parts, second: Parts) -> int:
    """How many parts at the end are the same."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next((end for end, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _composed(parts: Parts) -> Parts:
    return tuple(unicodedata.normalize("NFC", part) for part in parts)
