# SPDX-License-Identifier: AGPL-3.0-only
"""A transaction writes all or nothing, and what SQLite raises becomes one line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.store.connection import Connection


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    connection = Connection(tmp_path / "a.db")
    connection.sqlite.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
    with pytest.raises(StorageError, match="UNIQUE constraint failed"), connection.transaction():  # noqa: PT012
        connection.insert("t (a, b)", [(1, "x"), (2, "y")])
        connection.insert("t (a, b)", [(1, "z")])
    assert connection.rows("SELECT * FROM t") == []
    with connection.transaction():
        connection.insert("t (a, b)", [(1, "x"), (2, "y")])
        connection.insert("t (a, b)", [(1, "z")], replace=True)
    assert connection.rows("SELECT b FROM t WHERE a > ? ORDER BY a", [0]) == [("z",), ("y",)]
    assert connection.value("SELECT count(*) FROM t") == 2
    connection.close()


def test_a_transaction_waits_for_another_writer_and_says_so(tmp_path: Path) -> None:
    connection = Connection(tmp_path / "a.db", timeout_s=0.05)
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="another process is writing"), connection.transaction():
        pass
    other.close()
    with connection.transaction():
        pass
    connection.close()
