# SPDX-License-Identifier: AGPL-3.0-only
"""The machine as it is now, and as it was."""

from __future__ import annotations

import socket
import time

from dashboard.services.storage import cached, opened
from engine import hardware
from engine.hardware import HardwareSnapshot, Load
from engine.records import Job
from engine.store.nodes import ClusterNode


@cached(ttl_s=5, max_entries=8)
def history(span_s: float) -> list[tuple[float, Load]]:
    """Moment (Unix seconds) and load of this machine until now, as workers sampled it, in order."""
    now = time.time()
    return _samples(now - span_s, now)


@cached(ttl_s=5, max_entries=16)
def history_of(job: Job) -> list[tuple[float, Load]]:
    """Likewise while a job ran; empty before it began."""
    if job.started_at is None:
        return []
    return _samples(job.started_at, job.finished_at or time.time())


def _samples(since: float, until: float) -> list[tuple[float, Load]]:
    with opened() as repository:
        found = repository.loads.read(socket.gethostname(), since, until)
    return [(at, Load.from_json(load)) for at, load in found]


@cached(ttl_s=1, max_entries=4)
def snapshot() -> HardwareSnapshot:
    """The machine at this moment, read at most once a second however many sessions look."""
    return hardware.snapshot()


@cached(ttl_s=2)
def cluster_nodes() -> list[ClusterNode]:
    """The nodes of a cluster as its worker told them last; none without one."""
    with opened() as repository:
        return repository.nodes.all()
