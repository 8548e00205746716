# SPDX-License-Identifier: AGPL-3.0-only
"""Which files pages may name: those in PATCHBENCH_ROOTS, by default home and working folder."""

from __future__ import annotations

import os
from pathlib import Path

from engine.config import home_folder
from engine.datasets.uploads import own_folder
from engine.errors import SettingsError
from engine.excerpts import short_repr


def allowed_roots() -> list[Path]:
    """The folders in PATCHBENCH_ROOTS (separated as in PATH), else the user's home and the working folder;
    PATCHBENCH_HOME always counts."""
    named = [Path(entry) for entry in os.environ.get("PATCHBENCH_ROOTS", "").split(os.pathsep) if entry]
    folders = [*(named or [Path.home(), Path.cwd()]), home_folder()]
    return list(dict.fromkeys(folder.expanduser().resolve() for folder in folders))


def held_roots(source: Path) -> list[Path]:
    """The folders that all that a dataset names must lie in: for an unpacked upload its own folder alone.

    Args:
        source: as `within_roots` returns it.
    """
    own = own_folder(source)
    return allowed_roots() if own is None else [own]


def file_within_roots(written: str, what: str) -> Path:
    """The file that a path leads to, links followed.

    Args:
        written: the path.
        what: it is to be, for messages.

    Raises:
        SettingsError: it lies outside the allowed folders, nothing is there, or it is no file.
    """
    path = within_roots(written)
    if not path.is_file():
        raise SettingsError(f"{what}: expected a file, got {path}, which is not a file; name the file itself")
    return path


def within_roots(written: str) -> Path:
    """The file or folder that a path leads to, links followed.

    Raises:
        SettingsError: it lies outside the allowed folders, or nothing is there.
    """
    try:
        path = Path(written.strip()).expanduser().resolve()
        there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsError(
            f"path: expected a path on this machine, got {short_repr(written, 200)}; correct it"
        ) from error
    roots = allowed_roots()
    if not written.strip() or not any(path.is_relative_to(root) for root in roots):
        shown = ", ".join(map(str, roots))
        raise SettingsError(
            f"path: expected a path below {shown}, got {short_repr(written.strip(), 200)}; "
            "choose another, or add its folder to PATCHBENCH_ROOTS"
        )
    if not there:
        raise SettingsError(f"path: expected a file or folder, found nothing at {path}; correct the path")
    return path
