# SPDX-License-Identifier: AGPL-3.0-only
"""Writes files whole or not at all, and says why one cannot be written, such as a full disk."""

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
    """Whether an error of the system says that the disk, or the user's share of it, is used up."""
    return isinstance(error, OSError) and error.errno in _FULL


def free_bytes(path: str | Path) -> int | None:
    """Bytes left on the disk that a path is on or would be on; None where the system does not say."""
    place = Path(path).absolute()
    try:
        return shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free
    except (OSError, StopIteration):
        return None


def full_disk(path: str | Path) -> str:
    """The end of a message: the disk is full, how much is free, and what to do."""
    free = free_bytes(path)
    left = "" if free is None else f" ({free / 2**20:.1f} MiB free)"
    advice = "delete what you can spare, or free some with: python -m engine storage prune"
    return f"no room: the disk is full{left}; {advice}"


def why_unwritable(path: str | Path, error: OSError, advice: str) -> str:
    """The end of a message: why a file or folder cannot be written, and what to do.

    Args:
        path: of the file or folder.
        error: what the system says.
        advice: what to do where the disk is not full.
    """
    return full_disk(path) if is_full(error) else f"{error.strerror or error}; {advice}"


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in `path`'s place in one step.

    Raises:
        StorageError: it cannot be written; what was at `path` is as it was.
    """
    # Not by tempfile, whose files nobody but their owner may read.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        why = why_unwritable(path, error, "free or choose a folder")
        raise StorageError(f"{path}: cannot be written, {why}") from error
    finally:
        temporary.unlink(missing_ok=True)
