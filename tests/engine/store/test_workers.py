# SPDX-License-Identifier: AGPL-3.0-only
"""Workers say that they are there, that they still are, and that they go."""

from __future__ import annotations

import time

from engine.store.repository import Repository
from engine.store.workers import Worker


def worker(name: str, started_at: float) -> Worker:
    return Worker(
        id=name,
        host="here",
        pid=1,
        process_started_at=2.5,
        device="cpu",
        started_at=started_at,
        heartbeat_at=started_at,
    )


def test_workers_come_and_go() -> None:
    with Repository(":memory:") as repository:
        assert repository.workers.all() == []
        assert not repository.workers.beat("nobody")
        late, early = worker("late", 20), worker("early", 10)
        for each in (late, early):
            repository.workers.add(each)
        assert repository.workers.all() == [early, late]
        before = time.time()
        assert repository.workers.beat("late")
        assert repository.workers.all()[1].heartbeat_at >= before
        repository.workers.remove("early")
        assert [each.id for each in repository.workers.all()] == ["late"]
