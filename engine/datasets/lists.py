# SPDX-License-Identifier: AGPL-3.0-only
"""List files: a text file that names an image in each line. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from engine.datasets.files import find_file, path_ends, read_text
from engine.errors import DatasetError
from engine.excerpts import short_line

_TRIED = 100  # lines, until a list is taken to name nothing that is here


def read_list(file: Path) -> tuple[list[str], bool]:
    """The images that a list file names.

    A relative line is relative to the list or, where that gives no file, to the working folder. Where no
    line leads anywhere, as in a list from another machine, the ends of the paths are looked for beside it.

    Returns:
        Absolute paths in the order of the lines; those not found as the list has them. Whether they were
        found by their ends.

    Raises:
        DatasetError: it is not text.
    """
    try:
        text = read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = short_line(getattr(error, "strerror", None) or error)
        raise DatasetError(
            f"{file}: expected a text file of image paths, got one not readable ({reason})"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    places = [_place(line, file.parent) for line in lines]
    dropped = None if any(places) else _dropped(lines, file.parent)
    if dropped is not None:
        places = [_end_beside(line, dropped, file.parent) for line in lines]
    written = [os.path.normpath(os.path.join(file.parent, line)) for line in lines]
    return [place or path for place, path in zip(places, written, strict=True)], dropped is not None


def _place(line: str, parent: Path) -> str | None:
    for path in (os.path.normpath(os.path.join(parent, line)), os.path.abspath(line)):
        if (found := find_file(path)) is not None:
            return found
    return None


def _dropped(lines: Sequence[str], parent: Path) -> int | None:
    """How many leading folders to drop: as the first line asks for of which an end is there.

    One number for all lines, so that files of one name in several folders stay apart.
    """
    for line in lines[:_TRIED]:
        for count, end in enumerate(path_ends(line)):
            if find_file(os.path.join(parent, end)) is not None:
                return count
    return None


def _end_beside(line: str, dropped: int, parent: Path) -> str | None:
    ends = path_ends(line)
    return find_file(os.path.join(parent, ends[dropped])) if dropped < len(ends) else None
