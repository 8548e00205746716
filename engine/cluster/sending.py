# SPDX-License-Identifier: AGPL-3.0-only
"""The head's files as nodes are sent them: in pieces, once a node, and its code."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import engine
from engine.cluster.node import PIECES_BYTES, Entry, Piece
from engine.config import home_folder
from engine.runs.version import SENT, code_version

LISTED = 2000  # files that a keeper is asked for at a time
SHARED = "PATCHBENCH_SHARED"


class Keeping(Protocol):
    """A node's keeper, as `engine.cluster.node.Keeper` is called from the head."""

    def lacking(self, entries: list[Entry]) -> list[int]:
        """Which of these files have to be sent."""

    def take(self, pieces: list[Piece]) -> None:
        """Write pieces of files."""

    def root(self) -> str:
        """The folder that the head's paths are below."""


class Sender:
    """Sends the head's files to one node, each once however many jobs there want it.

    Args:
        keeper: of the node.
    """

    def __init__(self, keeper: Keeping) -> None:
        self._keeper, self._lock, self._root = keeper, threading.Lock(), ""
        self.sent_bytes = 0

    def send(self, paths: Iterable[str], *, hashed: bool) -> dict[str, str]:
        """Have copies made of files and folders; of what is not there, none.

        Args:
            paths: absolute.
            hashed: compare them by checksum too, so that a node takes no file twice that it had under
                another name; reads each once.

        Returns:
            Path → path on the node: of a folder `PATCHBENCH_SHARED` names, the path itself.
        """
        found: dict[str, str] = {}
        with self._lock:
            self._root = self._root or self._keeper.root()
            wanted = []
            for path in paths:
                if is_shared(path):
                    found[path] = path
                elif Path(path).exists():
                    found[path] = self._root + path
                    wanted += files_below(Path(path))
            for start in range(0, len(wanted), LISTED):
                entries = [_entry(path, hashed=hashed) for path in wanted[start : start + LISTED]]
                lacking = [entries[index] for index in self._keeper.lacking(entries)]
                for pieces in pieces_of([(Path(entry[0]), entry) for entry in lacking]):
                    self._keeper.take(pieces)
                    self.sent_bytes += sum(len(piece[5]) for piece in pieces)
        return found


def pieces_of(files: Sequence[tuple[Path, Entry]]) -> Iterator[list[Piece]]:
    """The bytes of files, so many at a time that memory stays bounded."""
    pieces: list[Piece] = []
    left = PIECES_BYTES
    for path, (name, size, changed_ns, sha256) in files:
        with open(path, "rb") as file:
            offset = 0
            while offset < size or not size:
                data = file.read(min(left, size - offset))
                if size and not data:
                    raise OSError(
                        f"{path}: expected {size} bytes, got {offset}; "
                        "the file changed while it was being sent"
                    )
                pieces.append((name, size, changed_ns, sha256, offset, data))
                offset += len(data)
                left -= len(data) + 1024  # what an empty file costs
                if left <= 0:
                    yield pieces
                    pieces, left = [], PIECES_BYTES
                if not size:
                    break
    if pieces:
        yield pieces


def folder_entries(folder: Path) -> list[tuple[Path, Entry]]:
    """The files of a job's folder, under their names in it."""
    return [
        (path, (str(path.relative_to(folder)), *_entry(str(path), hashed=False)[1:]))
        for path in map(Path, files_below(folder))
        if not path.name.startswith(".")
    ]


def files_below(path: Path) -> list[str]:
    """A file itself; all files of a folder."""
    if not path.is_dir():
        return [str(path)]
    return sorted(str(Path(root, name)) for root, _, names in os.walk(path) for name in names)


def is_shared(path: str) -> bool:
    """Whether nodes see a path as the head does, because `PATCHBENCH_SHARED` names a folder around it."""
    shared = [each for each in os.environ.get(SHARED, "").split(os.pathsep) if each]
    return any(Path(path).is_relative_to(Path(each).expanduser().absolute()) for each in shared)


def head_name() -> str:
    """Tells this head from others whose nodes are the same."""
    return hashlib.sha256(f"{socket.gethostname()}:{home_folder()}".encode()).hexdigest()[:16]


@cache
def code_archive() -> tuple[str, bytes]:
    """The engine as a ZIP, with its version beside it, and a name that tells its content."""
    package = Path(engine.__file__).resolve().parent
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(zipfile.ZipInfo(SENT), code_version())
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                # Without times of change: the same code has the same name.
                member = zipfile.ZipInfo(str(path.relative_to(package.parent)))
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    content = target.getvalue()
    return hashlib.sha256(content).hexdigest()[:24], content


def _entry(path: str, *, hashed: bool) -> Entry:
    facts = os.stat(path)
    sha256 = _checksum(path, facts.st_size, facts.st_mtime_ns) if hashed else ""
    return path, facts.st_size, facts.st_mtime_ns, sha256


_checksums: dict[tuple[str, int, int], str] = {}


def _checksum(path: str, size: int, changed_ns: int) -> str:
    key = (path, size, changed_ns)
    if key not in _checksums:
        with open(path, "rb") as file:
            _checksums[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checksums[key]
