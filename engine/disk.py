# SPDX-License-Identifier: AGPL-3.0-only
"""Writes files atomically, and explains why one cannot be written, such as a full disk."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full or the user's quota exceeded."""
    return isinstance(error, OSError) and error.errno in _FULL


def free_bytes(path: str | Path) -> int | None:
    """Free bytes on the disk of a path, existing or not; None if unknown."""
    path = Path(path).absolute()
    try:
        return shutil.disk_usage(next(each for each in (path, *path.parents) if each.exists())).free
    except (OSError, StopIteration):
        return None


def full_disk(path: str | Path) -> str:
    """The end of a message: the disk is full, its free space, and advice."""
    free = free_bytes(path)
    left = "" if free is None else f" ({free / 2**20:.1f} MiB free)"
    advice = "delete files that you do not need, or free space with: python -m engine storage prune"
    return f"the disk is full{left}; {advice}"


def why_unwritable(path: str | Path, error: OSError, advice: str) -> str:
    """The end of a message: the reason why a file or folder cannot be written, and advice.

    Args:
        path: of the file or folder.
        error: raised by the system.
        advice: for other reasons than a full disk.
    """
    return full_disk(path) if is_full(error) else f"{error.strerror or error}; {advice}"


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """Write a file, texts as UTF-8; errors as of `write_atomically`."""
    data = content.encode() if isinstance(content, str) else content
    write_atomically(path, lambda file: file.write(data))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`.

    Raises:
        StorageError: it cannot be written; an earlier file at `path` is unchanged.
    """
    # Not by tempfile, whose files only their owner may read.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        why = why_unwritable(path, error, "check the folder or choose another")
        raise StorageError(f"{path}: cannot be written, {why}") from error
    finally:
        temporary.unlink(missing_ok=True)
