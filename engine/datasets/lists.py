# SPDX-License-Identifier: AGPL-3.0-only
"""List files: text files with the path of an image in each line. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from engine.datasets.files import find_file, path_ends, read_text
from engine.errors import DatasetError
from engine.excerpts import short_line

_TRIED = 100  # lines to search for before giving up


def read_list(file: Path) -> tuple[list[str], bool]:
    """Read a list file.

    A line is relative to the list or else to the working directory. If no line gives an existing file, as in
    a list from another machine, the ends of the paths are searched for beside the list.

    Returns:
        Absolute paths in the order of the lines, whether they exist or not, and whether they were found by
        their ends.

    Raises:
        DatasetError: the file is not text.
    """
    try:
        text = read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = short_line(getattr(error, "strerror", None) or error)
        raise DatasetError(
            f"{file}: expected a text file of image paths, got an unreadable file ({reason})"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    existing = [_locate(line, file.parent) for line in lines]
    dropped = None if any(existing) else _dropped(lines, file.parent)
    if dropped is not None:
        existing = [_end_beside(line, dropped, file.parent) for line in lines]
    written = [os.path.normpath(os.path.join(file.parent, line)) for line in lines]
    return [found or path for found, path in zip(existing, written, strict=True)], dropped is not None


def _locate(line: str, parent: Path) -> str | None:
    for path in (os.path.normpath(os.path.join(parent, line)), os.path.abspath(line)):
        if (existing := find_file(path)) is not None:
            return existing
    return None


def _dropped(lines: Sequence[str], parent: Path) -> int | None:
    """The number of leading folders to drop, from the first line with an existing end.

    It is the same for all lines to distinguish files of one name in several folders.
    """
    for line in lines[:_TRIED]:
        for count, end in enumerate(path_ends(line)):
            if find_file(os.path.join(parent, end)) is not None:
                return count
    return None


def _end_beside(line: str, dropped: int, parent: Path) -> str | None:
    ends = path_ends(line)
    return find_file(os.path.join(parent, ends[dropped])) if dropped < len(ends) else None
