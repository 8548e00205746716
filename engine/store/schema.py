# SPDX-License-Identifier: AGPL-3.0-only
"""Opens the database's file, migrates its schema, and turns SQLite's errors into messages."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.config import home_folder
from engine.disk import free_bytes, full_disk, why_unwritable
from engine.errors import StorageError

ROOM_BYTES = 2**20  # less free space counts as a full disk: SQLite needs 32 KiB to open a database

# Names of the migrations in migrations.py: an up-to-date file is opened without sqlite-utils, whose import
# takes a fifth of the start of a job's process.
SCHEMA = (
    "m001_datasets",
    "m002_jobs",
    "m003_patches",
    "m004_benchmarks",
    "m005_previews",
    "m006_repair_times",
    "m007_job_groups",
    "m008_weights",
    "m009_score_subjects",
    "m010_comparisons",
    "m011_choices",
    "m012_scores_by_subject",
    "m013_matrices",
    "m015_sweeps",
    "m016_cluster",
    "m017_loads",
)


def database_path() -> Path:
    """Path of the user's database: `patchbench.db` in the home folder."""
    return home_folder() / "patchbench.db"


@contextmanager
def storage_errors(path: str | Path) -> Iterator[None]:
    """Turn errors of SQLite and the file system into a `StorageError` of one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        full = shows_full_disk(error, path)
        got = full_disk(path) if full else f"{error}; {_advice(error)}"
        raise StorageError(f"{path}: expected a usable database, got {got}") from error
    except OSError as error:
        why = why_unwritable(path, error, "choose another PATCHBENCH_HOME")
        raise StorageError(f"{path}: expected a writable folder, got {why}") from error


def shows_full_disk(error: sqlite3.Error, path: str | Path) -> bool:
    """Whether SQLite failed because the disk is full, which it reports when writing, but not when opening."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without details
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        free = free_bytes(path)
        return free is not None and free < ROOM_BYTES
    return code == sqlite3.SQLITE_FULL


def open_database(
    path: str | Path, *, timeout_s: float = 10.0, on_full_disk: bool = False
) -> sqlite3.Connection:
    """Open a database, creating it and its folder if missing, and migrate its schema.

    Args:
        path: the file, or `:memory:`.
        timeout_s: how long to wait for another process's write.
        on_full_disk: open it even without space for the files (32 KiB) that SQLite shares between
            processes. This requires and keeps exclusive access: use it briefly, to free space.

    Raises:
        StorageError: the folder cannot be written, or the file is locked, corrupt or of a newer PatchBench.
    """
    with storage_errors(path):
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path, timeout_s)
    except StorageError as error:
        cause = error.__cause__
        if on_full_disk and isinstance(cause, sqlite3.Error) and shows_full_disk(cause, path):
            return _opened(path, timeout_s, alone=True)
        raise


def _opened(path: str | Path, timeout_s: float, *, alone: bool = False) -> sqlite3.Connection:
    """A connection ready for use; `alone` excludes other processes."""
    with storage_errors(path):
        connection = sqlite3.connect(str(path), timeout=timeout_s)
    try:
        with storage_errors(path):
            if alone:  # if set before the first read, the WAL's index is kept in memory
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            _prepare(connection, path, timeout_s)
    except StorageError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str | Path, timeout_s: float) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # With a WAL, a system crash may lose the last commits but never damages the file, the death of a process
    # loses nothing, and one commit per second costs a run nothing.
    connection.execute("PRAGMA synchronous = NORMAL")
    _write_ahead(connection, timeout_s)
    applied = _applied(connection)
    if newer := [name for name in applied if name not in SCHEMA]:
        raise StorageError(
            f"{path}: expected a schema up to {SCHEMA[-1]}, got {newer[-1]} of a newer PatchBench; "
            "update PatchBench or choose another PATCHBENCH_HOME"
        )
    if set(applied) != set(SCHEMA):
        from engine.store.migrations import migrate

        migrate(connection)


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch a new file to a WAL, retrying: SQLite fails at once if another process does the same."""
    deadline = time.monotonic() + timeout_s
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _applied(connection: sqlite3.Connection) -> list[str]:
    """Names of the migrations applied to the file, in order."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
        return []
    rows = connection.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = 'patchbench' ORDER BY rowid"
    )
    return [name for (name,) in rows]


def _advice(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another process is writing: try again, or stop that process"
    if "readonly" in text or "unable to open" in text:
        return "make the folder writable or choose another PATCHBENCH_HOME"
    if "full" in text or "disk I/O" in text:
        return "free some space or check the disk"
    return "move the file away to start with a new one, or restore a copy"
