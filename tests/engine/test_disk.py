# SPDX-License-Identifier: AGPL-3.0-only
"""Files appear whole or not at all, and a full disk is named as what it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.disk import free_bytes, full_disk, is_full, why_unwritable, write_atomically
from engine.errors import StorageError

FULL = OSError(errno.ENOSPC, "No space left on device")


def fail(file) -> None:
    file.write(b"half")
    raise FULL


@pytest.mark.parametrize("before", [None, b"former"])
def test_a_file_is_replaced_whole_or_left(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "a"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(StorageError, match=r"a: cannot be written, the disk is full \(\d+\.\d MiB"):
        write_atomically(path, fail)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if before is None else [before])
    write_atomically(path, lambda file: file.write(b"new"))
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"new"]


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (FULL, True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OSError("odd"), False),
        (ValueError(), False),
    ],
)
def test_full_disks_are_told_from_other_errors(tmp_path: Path, error: Exception, full: bool) -> None:
    assert is_full(error) is full
    if isinstance(error, OSError):
        why = why_unwritable(tmp_path, error, "choose another")
        assert why == (full_disk(tmp_path) if full else f"{error.strerror or error}; choose another")


def test_what_is_free_is_that_of_the_nearest_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_bytes(tmp_path / "not/there/yet") is not None
    assert "python -m engine storage prune" in full_disk(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: os.listdir("/none"))
    assert free_bytes(tmp_path) is None
    assert full_disk(tmp_path).startswith("the disk is full; delete")
