# SPDX-License-Identifier: AGPL-3.0-only
"""Makes files in PATCHBENCH_HOME private to the user, but not results outside it."""

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
    """A context in which files are created as 0600 and folders as 0700, in this and child processes.

    Programs run in it as a whole, to cover all files in the home, including those of SQLite, Ultralytics and
    jobs. An existing PATCHBENCH_HOME that others may read keeps its mode, and its files get the usual modes.
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
    """A context in which files get the user's usual modes if `path`, a result, is outside PATCHBENCH_HOME.

    It changes the whole process's mask; nothing may be written into the home meanwhile.
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
    """Whether the home is closed to other users, or does not exist yet."""
    try:
        return not home.stat().st_mode & _OTHERS
    except OSError:
        return True
