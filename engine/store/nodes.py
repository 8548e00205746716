# SPDX-License-Identifier: AGPL-3.0-only
"""The nodes of clusters, as the workers on their heads tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.json_text import from_json, json_text
from engine.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class ClusterNode:
    """A node of a cluster.

    Attributes:
        id: the cluster's name for it.
        name: of its machine.
        cpus, gpus, memory_bytes: what it offers to jobs.
        cpus_taken, gpus_taken: by running jobs.
        jobs: how many run there.
        load: parts of its `HardwareSnapshot` as JSON, GPUs among them; empty until it was asked.
        seen_at: Unix seconds.
    """

    id: str
    name: str
    address: str
    cpus: float
    gpus: float
    memory_bytes: int
    cpus_taken: float = 0.0
    gpus_taken: float = 0.0
    jobs: int = 0
    load: dict[str, Any] = field(default_factory=dict)
    seen_at: float = 0.0


class Nodes:
    """The nodes of the clusters of one database; they go with their worker."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def tell(self, worker: str, nodes: Sequence[ClusterNode]) -> None:
        """Store all nodes of a worker's cluster in place of those told before."""
        rows = [(worker, position, json_text(vars(node))) for position, node in enumerate(nodes)]
        with self._db.transaction():
            self._db.rows("DELETE FROM cluster_nodes WHERE worker = ?", [worker])
            if self._db.rows("SELECT 1 FROM workers WHERE id = ?", [worker]):
                self._db.insert("cluster_nodes (worker, position, node)", rows)

    def all(self) -> list[ClusterNode]:
        """All nodes, by name."""
        rows = self._db.rows("SELECT node FROM cluster_nodes")
        return sorted((ClusterNode(**from_json(text)) for (text,) in rows), key=lambda node: node.name)
