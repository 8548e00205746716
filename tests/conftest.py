# SPDX-License-Identifier: AGPL-3.0-only
"""Fixtures that every test may use: an own PATCHBENCH_HOME, tiny and shared files, few threads."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.store.repository import Repository

# Before anything imports torch: tests are many and small, threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL_FILES = (SHARED / "data/coco128/coco128.yaml", SHARED / "weights/yolov8n-coco.pt")
MAIN = sys.modules["__main__"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [str(path) for path in REAL_FILES if not path.exists()]
    if not missing:
        return
    skip = pytest.mark.skip(reason=f"real data is not here: {', '.join(missing)}")
    for item in items:
        if "real" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test keeps its database and results in its own folder, not in the user's."""
    home = tmp_path / "home"
    monkeypatch.setenv("PATCHBENCH_HOME", str(home))
    return home


@pytest.fixture(scope="session", autouse=True)
def migrate() -> Iterator[Callable[[sqlite3.Connection], None]]:
    """The true migration, which new databases are spared: they copy one that went through it.

    A thousand tests need a database and few of them how it came to be, which takes far longer than the copy.
    """
    from engine.store import migrations

    true, lock = migrations.migrate, threading.Lock()
    migrated = sqlite3.connect(":memory:", check_same_thread=False)
    true(migrated)

    def copied(connection: sqlite3.Connection) -> None:
        with lock:
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                true(connection)
            else:
                migrated.backup(connection)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "migrate", copied)
        yield true
    migrated.close()


@pytest.fixture
def repository() -> Iterator[Repository]:
    """The test's own database in its home."""
    with Repository() as opened:
        yield opened


@pytest.fixture(autouse=True)
def own_main() -> None:
    """Streamlit's AppTest leaves its script as `__main__`, which every process spawned later would run."""
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def coco128_yaml() -> Path:
    return REAL_FILES[0]


@pytest.fixture(scope="session")
def yolov8n_weights() -> Path:
    return REAL_FILES[1]


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.engine.tiny import write_weights

    return write_weights(tmp_path_factory.mktemp("weights") / "tiny.pt")


@pytest.fixture(scope="session")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.engine.tiny import write_dataset

    return write_dataset(tmp_path_factory.mktemp("datasets") / "blocks")
