# SPDX-License-Identifier: AGPL-3.0-only
"""Small records to store."""

from __future__ import annotations

import time
from typing import Any

from engine.records import Job, StepRecord
from engine.store.workers import Worker


def step(number: int, *, loss: float | None = None) -> StepRecord:
    return StepRecord(
        step=number,
        iteration=(number + 2) // 3,
        loss=1 / 3 + number if loss is None else loss,
        terms={"object": 0.1 * number},
        learning_rate=0.03,
        images=2,
        elapsed_s=number / 7,
    )


def elsewhere(worker_id: str = "w") -> Worker:
    """A worker on another machine that has just been heard of."""
    now = time.time()
    return Worker(
        id=worker_id,
        host="elsewhere",
        pid=1,
        process_started_at=now,
        device="cpu",
        started_at=now,
        heartbeat_at=now,
    )


def make_job(**changes: Any) -> Job:
    """A queued import that is asked nothing."""
    plain = {"id": 1, "kind": "import", "state": "queued", "label": "", "request": {}, "device": "auto"}
    return Job(**plain | {"seed": 0, "code_version": "", "created_at": 0.0} | changes)
