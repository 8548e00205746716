# SPDX-License-Identifier: AGPL-3.0-only
"""Maintenance of the database's file: size, online backup, integrity check, vacuum."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.disk import full_disk, why_unwritable
from engine.errors import StorageError
from engine.store.connection import Connection
from engine.store.schema import shows_full_disk


class Maintenance:
    """The maintenance of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def size_bytes(self) -> int:
        """Size of the database in bytes, including its write-ahead log."""
        files = [Path(f"{self._db.path}{suffix}") for suffix in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in files if file.exists())

    def backup(self, target: Path) -> None:
        """Copy a snapshot of the database, even while others write.

        Args:
            target: a new file, created atomically.

        Raises:
            StorageError: the file exists, or cannot be written; no partial file is left.
        """
        if target.exists():
            raise StorageError(f"{target}: expected a new file, got one that exists; choose another name")
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with closing(sqlite3.connect(beside)) as copy:
                self._db.sqlite.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # a single file, without a WAL
            # Unlike os.replace, os.link does not overwrite a file that was created meanwhile.
            os.link(beside, target)
        except (sqlite3.Error, OSError) as error:
            advice = "choose another folder"
            if isinstance(error, OSError):
                why = why_unwritable(target, error, advice)
            else:
                why = full_disk(target) if shows_full_disk(error, target) else f"{error}; {advice}"
            raise StorageError(f"{target}: cannot be written, {why}") from error
        finally:
            beside.unlink(missing_ok=True)

    def check(self) -> list[str]:
        """Check the file's integrity and foreign keys; one line for each fault."""
        faults = [str(line) for (line,) in self._db.rows("PRAGMA integrity_check") if line != "ok"]
        broken = self._db.rows("PRAGMA foreign_key_check")
        return faults + [
            f"{table}: row {row} refers to a missing row of {to}" for table, row, to, _ in broken
        ]

    def datasets_below(self, folder: Path) -> set[str]:
        """The entries of a folder that contain datasets' sources or images."""
        below = f"{folder}{os.sep}"
        values = [below, len(below) + 1, os.sep]
        rows = self._db.rows(
            """
            WITH below(path) AS (
                SELECT substr(source, ?2) FROM datasets WHERE substr(source, 1, ?2 - 1) = ?1
                UNION SELECT substr(path, ?2) FROM images WHERE substr(path, 1, ?2 - 1) = ?1
            )
            SELECT DISTINCT substr(path, 1, instr(path || ?3, ?3) - 1) FROM below
            """,
            values,
        )
        return {name for (name,) in rows}

    def vacuum(self) -> int:
        """Return the space of deleted rows to the disk, and the number of bytes freed."""
        before = self.size_bytes()
        with self._db.errors():
            self._db.sqlite.execute("VACUUM")
            self._db.sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(before - self.size_bytes(), 0)
