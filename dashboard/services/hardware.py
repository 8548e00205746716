# SPDX-License-Identifier: AGPL-3.0-only
"""The machine as it is now, and what it is advised to run."""

from __future__ import annotations

from dashboard.services.storage import cached, opened
from engine import hardware
from engine.hardware import HardwareSnapshot
from engine.store.nodes import ClusterNode


@cached(ttl_s=1, max_entries=4)
def snapshot() -> HardwareSnapshot:
    """The machine at this moment, read at most once a second however many sessions look."""
    return hardware.snapshot()


@cached(ttl_s=2)
def cluster_nodes() -> list[ClusterNode]:
    """The nodes of a cluster as its worker told them last; none without one."""
    with opened() as repository:
        return repository.nodes.all()
