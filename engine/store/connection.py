# SPDX-License-Identifier: AGPL-3.0-only
"""A connection to the database, with helpers for the classes of the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from engine.store.schema import database_path, open_database, storage_errors


class Connection:
    """A connection for use in one thread.

    Args:
        path: the file, `:memory:`, or None for the user's own database.
        timeout_s: how long to wait for another process's write.
        on_full_disk: open it even if the disk is full; see `open_database`.

    Raises:
        StorageError: the file is locked, corrupt, of a newer PatchBench or cannot be written.
    """

    def __init__(
        self, path: str | Path | None = None, *, timeout_s: float = 10.0, on_full_disk: bool = False
    ) -> None:
        self.path = database_path() if path is None else path
        self._sqlite = open_database(self.path, timeout_s=timeout_s, on_full_disk=on_full_disk)

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The underlying connection, with foreign keys on."""
        return self._sqlite

    def close(self) -> None:
        """Close the connection."""
        self._sqlite.close()

    def errors(self) -> AbstractContextManager[None]:
        """A context in which SQLite's exceptions become `StorageError`."""
        return storage_errors(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing, taking the write lock at the start in order to wait for other writers.

        Within another transaction it is part of that one.
        """
        if self.sqlite.in_transaction:
            yield
            return
        with self.errors():
            self.sqlite.execute("BEGIN IMMEDIATE")
            with self.sqlite:
                yield

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        """All rows of a statement.

        Raises:
            StorageError: the database cannot be used.
        """
        with self.errors():
            return self.sqlite.execute(sql, list(values)).fetchall()

    def value(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """The first column of the first row."""
        return self.rows(sql, values)[0][0]

    def insert(self, columns: str, rows: Iterable[tuple[Any, ...]], *, replace: bool = False) -> None:
        """Insert many rows; `columns` as in `table (a, b)`."""
        places = ", ".join("?" * (columns.count(",") + 1))
        verb = "REPLACE" if replace else "INSERT"
        self.sqlite.executemany(f"{verb} INTO {columns} VALUES ({places})", rows)
