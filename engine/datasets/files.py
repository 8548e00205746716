# SPDX-License-Identifier: AGPL-3.0-only
"""Finds files: skips clutter and repeated files, and tolerates other spellings of names. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path
from unicodedata import normalize

from engine.datasets.roots import require_files
from engine.excerpts import read_bounded

# Folders added by macOS, Synology, QNAP, Windows and Linux.
_CLUTTER = frozenset({"__macosx", "@eadir", "#recycle", "@recycle", "$recycle.bin", "lost+found"})
_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST_PATH = 4096  # bytes; no system supports more
_MOST_ENDS = 16
MAX_TEXT_BYTES = 256 * 2**20  # a list of some million images


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is hidden or belongs to a tool rather than to a dataset."""
    return name.startswith(".") or name.casefold() in _CLUTTER


def walk_files(root: str | Path, suffixes: Container[str], seen: set[str] | None = None) -> list[str]:
    """The files below a folder with one of the suffixes, without clutter.

    Links are followed, except to a parent folder. Each real file is returned once, under its own path if that
    is below the folder, otherwise under the first link to it.

    Args:
        root: the folder; its own name may be clutter.
        suffixes: in lower case, with dots.
        seen: real paths to skip, to which those of returned files are added.
    """
    seen = set() if seen is None else seen
    files: list[str] = []
    links: list[str] = []
    folders, linked_folders = [os.fspath(root)], list[str]()
    while folders or linked_folders:
        folder = folders.pop() if folders else linked_folders.pop(0)
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        for entry in _entries(folder):
            if entry.is_dir():
                if not entry.is_symlink():
                    folders.append(entry.path)
                elif not _holds(os.path.realpath(entry.path), real):
                    linked_folders.append(entry.path)
            elif os.path.splitext(entry.name)[1].lower() not in suffixes:
                continue
            elif entry.is_symlink():
                links.append(entry.path)
            elif (path := os.path.join(real, entry.name)) not in seen:
                seen.add(path)
                files.append(entry.path)
    for link in sorted(links):
        real = os.path.realpath(link)
        if real not in seen:
            seen.add(real)
            files.append(link)
    return files


def find_file(path: str) -> str | None:
    """The path of an existing file or folder, in any Unicode normal form; None if there is none.

    macOS and its archives write `é` and Hangul decomposed (NFD), other systems composed (NFC).
    """
    if os.path.exists(path):
        return path
    if path.isascii() or len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        return None
    missing: list[str] = []
    folder = path
    while folder and not os.path.isdir(folder):
        parent, name = os.path.split(folder)
        if parent == folder:
            return None
        missing.append(name)
        folder = parent
    for name in filter(None, reversed(missing)):
        there = _by_normal_form(folder, _modified(folder)).get(normalize("NFC", name))
        if there is None:
            return None
        folder = os.path.join(folder, there)
    return folder


def path_ends(written: str) -> list[str]:
    """The ends of a path in another machine's notation, the longest first.

    `C:\\photos\\train\\a.jpg` gives `photos/train/a.jpg`, `train/a.jpg`, `a.jpg`.
    """
    parts = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if parts and _DRIVE.fullmatch(parts[0]):
        del parts[0]
    parts = parts[-_MOST_ENDS:]
    return ["/".join(parts[start:]) for start in range(len(parts))]


def read_text(file: Path, largest_bytes: int = MAX_TEXT_BYTES) -> str:
    """Read a text file in UTF-8 or, from Korean Windows, in cp949.

    Raises:
        OSError: it cannot be read or is too large.
        UnicodeDecodeError: it is in neither encoding.
        DatasetError: it is outside the allowed folders; see `engine.datasets.roots`.
    """
    require_files([file])
    content = read_bounded(file, largest_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp949")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder without clutter; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not is_clutter(entry.name))
    except OSError:
        return


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _modified(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _by_normal_form(folder: str, modified: int) -> dict[str, str]:
    """Names in a folder by composed form; `modified` invalidates the cache when the folder changes."""
    try:
        return {normalize("NFC", name): name for name in os.listdir(folder)}
    except OSError:
        return {}
