# SPDX-License-Identifier: AGPL-3.0-only
"""One door to all that is kept, opened once and closed after use."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.store.repository import Repository


def test_all_parts_share_one_database(own_home: Path) -> None:
    with Repository() as repository:
        assert repository.connection.path == own_home / "patchbench.db"
        repository.jobs.add(kind="import", label="a", request={})
        assert repository.queue.claim("w", "cpu") is not None
        assert repository.steps.last(1) == 0
        assert repository.workers.all() == []
        assert repository.datasets.all() == []
    with Repository() as again:
        assert again.jobs.count_by_state() == {"running": 1}


def test_it_is_closed_after_use() -> None:
    with Repository(":memory:") as repository:
        pass
    with pytest.raises(StorageError, match="closed database"):
        repository.jobs.count()
