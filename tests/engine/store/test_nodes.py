# SPDX-License-Identifier: AGPL-3.0-only
"""Nodes are those that a living worker told last."""

from __future__ import annotations

from dataclasses import replace

from engine.store.nodes import ClusterNode
from engine.store.repository import Repository
from engine.store.workers import Worker

NODE = ClusterNode(
    id="1", name="b", address="10.0.0.2", cpus=4, gpus=1, memory_bytes=2**30, load={"gpus": []}, seen_at=1.0
)
WORKER = Worker(id="w", host="h", pid=1, process_started_at=0, device="ray", started_at=0, heartbeat_at=0)


def test_nodes_come_and_go_with_their_worker() -> None:
    with Repository(":memory:") as repository:
        repository.nodes.tell("w", [NODE])
        assert repository.nodes.all() == []  # nobody knows that worker
        repository.workers.add(WORKER)
        other = replace(NODE, id="2", name="a", jobs=2)
        repository.nodes.tell("w", [NODE, other])
        assert repository.nodes.all() == [other, NODE]
        repository.nodes.tell("w", [NODE])
        assert repository.nodes.all() == [NODE]
        repository.workers.remove("w")
        assert repository.nodes.all() == []
