# SPDX-License-Identifier: AGPL-3.0-only
"""What a job's process on a node of a cluster asks of the head; on any other machine nothing is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.config import home_folder
from engine.records import Dataset


class Head(Protocol):
    """The machine with the queue, the database and the files, as a node's process sees it.

    Attributes:
        home: its `PATCHBENCH_HOME`.
    """

    home: Path

    def files(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Have files and folders copied to this node: path on the head → path here, of those that it has."""

    def dataset(self, source: str) -> Dataset:
        """A dataset by its name, or the one that is imported from a source; see `imports.open_dataset`."""

    def stored(self, part: str, method: str, *values: Any, **named: Any) -> Any:
        """Call a method of a part of the head's `Repository`."""


_head: Head | None = None
_copies: dict[str, Path] = {}


def report_to(head: Head | None) -> None:
    """Ask this head from now on; None: nobody, as everywhere but on nodes."""
    global _head
    _head = head
    _copies.clear()


def head() -> Head | None:
    """Whom to ask; None unless this process carries out a job on a node."""
    return _head


def bring(paths: Iterable[str]) -> None:
    """Have copies of many files made at once, which is faster than one by one in `here`."""
    if _head is not None:
        missing = list(dict.fromkeys(path for path in paths if path not in _copies))
        if missing:
            _copies.update((path, Path(copy)) for path, copy in _head.files(missing).items())


def here(path: Path) -> Path:
    """Where the head's file or folder is on this machine: on a node its copy, elsewhere the path itself.

    A relative path, what this process has written itself, and what the head does not have stay as they are.
    The head's weights are in `weights` of this process's home, where downloads go too and files are trusted.
    """
    if _head is None or not path.is_absolute():
        return path
    weights = _head.home / "weights"
    if path.is_relative_to(home_folder()):
        if not path.is_relative_to(home_folder() / "weights"):
            return path
        path = weights / path.relative_to(home_folder() / "weights")
    bring([str(path)])
    if path.is_relative_to(weights):
        return home_folder() / "weights" / path.relative_to(weights)
    return _copies.get(str(path), path)
