# SPDX-License-Identifier: AGPL-3.0-only
"""Restricts the reading of datasets to certain folders, whatever paths their files contain. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from engine.errors import DatasetError
from engine.records import Dataset

_ROOTS: ContextVar[tuple[str, ...] | None] = ContextVar("roots", default=None)


@contextmanager
def held_to(roots: Sequence[Path] | None) -> Iterator[None]:
    """A context in which paths outside the folders are rejected, after resolving links.

    Args:
        roots: the folders; None keeps the current restriction.
    """
    token = _ROOTS.set(_ROOTS.get() if roots is None else tuple(os.path.realpath(root) for root in roots))
    try:
        yield
    finally:
        _ROOTS.reset(token)


def require_files(paths: Iterable[str | Path]) -> None:
    """Reject files and folders outside the roots, without opening them.

    Raises:
        DatasetError: a path, existing or not, is outside.
    """
    if _ROOTS.get() is None:
        return
    folders = cache(os.path.realpath)  # most files share a few folders
    for path in dict.fromkeys(os.fspath(each) for each in paths):
        real = os.path.join(folders(os.path.dirname(path)), os.path.basename(path))
        if os.path.islink(real) or os.path.basename(path) in ("", ".", ".."):
            real = os.path.realpath(path)
        _require(real, path)


def require_tree(folder: str | Path) -> None:
    """Reject a folder outside the roots, or with a direct or indirect link to the outside.

    Raises:
        DatasetError: the folder or a link leads outside.
    """
    if _ROOTS.get() is None:
        return
    waiting, seen = [os.path.realpath(folder)], set[str]()
    _require(waiting[0], os.fspath(folder))
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for link in _links(current):
            real = os.path.realpath(link)
            _require(real, link)
            if os.path.isdir(real):
                waiting.append(real)


def require_dataset(dataset: Dataset) -> None:
    """Reject a dataset with files outside the roots.

    Raises:
        DatasetError: an image, or a file in the report of repairs, is outside.
    """
    require_files(image.path for image in dataset.images)
    require_files(repair.file for repair in dataset.repairs)


def _links(folder: str) -> Iterator[str]:
    """All links below a folder, which are not followed."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            if os.path.islink(path):
                yield path


def _require(real: str, path: str) -> None:
    roots = _ROOTS.get() or ()
    if not _inside(real, roots):
        link = f", {path:.200}" if _inside(os.path.normpath(path), roots) else ""
        raise DatasetError(
            f"dataset: expected only paths inside {', '.join(roots)}, got one outside them{link}; "
            "correct its lists, data files and links, or import it on the command line"
        )


def _inside(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)
