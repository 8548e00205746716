# SPDX-License-Identifier: AGPL-3.0-only
"""Keeps the database's file in order: its size, a backup while others write, a check, a vacuum."""

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
    """The upkeep of one database. All methods raise `StorageError` if it cannot be used."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def size_bytes(self) -> int:
        """Bytes of the database's file and of what was written to it and is not yet part of it."""
        files = [Path(f"{self._db.path}{suffix}") for suffix in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in files if file.exists())

    def backup(self, target: Path) -> None:
        """Copy the database as it is at one moment, while others may go on writing.

        Args:
            target: a file that does not exist; it appears once it is whole.

        Raises:
            StorageError: it exists, or cannot be written; there is no file then.
        """
        if target.exists():
            raise StorageError(f"{target}: expected a new file, got one that exists; choose another name")
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with closing(sqlite3.connect(beside)) as copy:
                self._db.sqlite.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            # Not os.replace: what somebody put there meanwhile is theirs.
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
        """What is wrong with the file and with what its rows refer to, a line each; empty if nothing is."""
        with self._db.errors():
            found = [str(line) for (line,) in self._db.rows("PRAGMA integrity_check") if line != "ok"]
            broken = self._db.rows("PRAGMA foreign_key_check")
        return found + [
            f"{table}: row {row} refers to one of {to} that is gone" for table, row, to, _ in broken
        ]

    def datasets_below(self, folder: Path) -> set[str]:
        """The names directly in a folder that datasets were read from, or that their images lie in."""
        below = f"{folder}{os.sep}"
        values = [below, len(below) + 1, os.sep]
        with self._db.errors():
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
        """Give the space of deleted rows back to the disk; returns the bytes won."""
        before = self.size_bytes()
        with self._db.errors():
            self._db.sqlite.execute("VACUUM")
            self._db.sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(before - self.size_bytes(), 0)
