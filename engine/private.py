# SPDX-License-Identifier: AGPL-3.0-only
"""Keeps what lies in PATCHBENCH_HOME from the machine's other users, and leaves results outside as usual."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.config import home_folder

_OTHERS = 0o077
_usual: int | None = None  # the user's own mask, within `private_home`


@contextmanager
def private_home() -> Iterator[None]:
    """Within, files are created as 0600 and folders as 0700, in this process and in those that it starts.

    Each program is run within it as a whole: that covers all that comes into the home, also what SQLite,
    Ultralytics and jobs write. A PATCHBENCH_HOME that is there already and that others may look into was
    opened to them by its owner, or by an earlier version: its mode stays, and files get the usual modes.
    """
    global _usual
    before = _usual = os.umask(_OTHERS)
    try:
        os.umask(before | _OTHERS if _closed_to_others(home_folder()) else before)
        yield
    finally:
        _usual = None
        os.umask(before)


@contextmanager
def shared_outside_home(path: Path) -> Iterator[None]:
    """Within, files get the user's usual modes if `path`, a wanted result, is not in PATCHBENCH_HOME.

    The mask is the process's: nothing that belongs into the home may be written meanwhile.
    """
    if _usual is None or Path(os.path.realpath(path)).is_relative_to(home_folder()):
        yield
        return
    before = os.umask(_usual)
    try:
        yield
    finally:
        os.umask(before)


def _closed_to_others(home: Path) -> bool:
    """Whether others may not look into the home, or it is not there yet."""
    try:
        return not home.stat().st_mode & _OTHERS
    except OSError:
        return True
