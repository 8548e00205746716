# SPDX-License-Identifier: AGPL-3.0-only
"""The nodes of a cluster made ready for jobs, and what the database is told of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.cluster.node import Entry, Piece
from engine.cluster.placing import Node, Share
from engine.cluster.remote_job import Pending, Remote
from engine.cluster.sending import Sender, code_archive, head_name
from engine.config import home_folder
from engine.errors import ClusterError
from engine.store.nodes import ClusterNode

log = logging.getLogger(__name__)

KEEPER_S = 300.0  # for all that a keeper is asked: its process may have to start on a busy machine
LOAD_KEYS = ("cpu_model", "cpu_percent", "memory_used_bytes", "memory_total_bytes", "gpus")


class Cluster(Protocol):
    """A cluster; see `engine.cluster.ray_cluster.RayCluster`."""

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""

    def keeper(self, where: Node, head: str, code: str) -> Remote:
        """Start the keeper of a node."""

    def post(self, where: Node, share: Share) -> Remote:
        """Start the post of a job."""


class Fleet:
    """The nodes of a cluster; for use in several threads.

    Args:
        cluster: as joined.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._lock = cluster, threading.Lock()
        self._bases: dict[str, Base] = {}

    def nodes(self) -> list[Node]:
        """The nodes that are alive; new ones are made ready meanwhile.

        Raises:
            ClusterError: the cluster is gone.
        """
        nodes = self._cluster.nodes()
        with self._lock:
            for gone in set(self._bases) - {node.id for node in nodes}:
                del self._bases[gone]
            new = [node for node in nodes if node.id not in self._bases]
        for node in new:
            self.base(node).start()
        return nodes

    def base(self, node: Node) -> Base:
        """A node's base, which is made anew after it has failed."""
        with self._lock:
            base = self._bases.get(node.id)
            if base is None or base.failed:
                base = self._bases[node.id] = Base(self._cluster, node)
            return base

    def told(
        self, nodes: Sequence[Node], taken: Mapping[str, Share], jobs: Mapping[str, int]
    ) -> list[ClusterNode]:
        """What the database is told of nodes: their load as last asked for, without waiting for it."""
        return [
            ClusterNode(
                **vars(node),
                cpus_taken=taken.get(node.id, Share()).cpus,
                gpus_taken=taken.get(node.id, Share()).gpus,
                jobs=jobs.get(node.id, 0),
                load=self.base(node).load(),
                seen_at=time.time(),
            )
            for node in nodes
        ]


class Base:
    """A node with its keeper, to which the head's code is sent once; see `remote_job.Ground`.

    Args:
        cluster: that the node is of.
        node: a node that is alive.
    """

    def __init__(self, cluster: Cluster, node: Node) -> None:
        self.code, self._archive = code_archive()
        self.node, self.failed = node, False
        self._cluster, self._lock, self._ready = cluster, threading.Lock(), False
        self._keeper = cluster.keeper(node, head_name(), self.code)
        self.keeping = KeeperCalls(self._keeper)
        self.sender = Sender(self.keeping)
        self._asked: Pending | None = None
        self._load: dict[str, Any] = {}

    def start(self) -> None:
        """Make it ready in the background."""

        def make_ready() -> None:
            try:
                self.ready()
            except ClusterError as error:
                log.warning("Node %s: %s", self.node.name, error)

        threading.Thread(target=make_ready, name=f"node {self.node.name}", daemon=True).start()

    def ready(self) -> Base:
        """Itself, once the node has the code.

        Raises:
            ClusterError: the node is gone or cannot take it.
        """
        with self._lock:
            try:
                if not self._ready and not self._keeper.call("has_code").value(KEEPER_S):
                    self._keeper.call("unpack", self._archive).value(KEEPER_S)
                self._ready = True
            except ClusterError:
                self.failed = True
                raise
        return self

    def weights(self) -> str:
        """The node's copy of the head's weights."""
        return f"{self.keeping.root()}{home_folder() / 'weights'}"

    def post(self, share: Share) -> Remote:
        """A post with a share of the node."""
        return self._cluster.post(self.node, share)

    def load(self) -> dict[str, Any]:
        """The machine's load and GPUs as last told, empty at first; asks for the next."""
        if self._asked is not None and self._asked.within(0):
            try:
                snapshot = self._asked.value(0)
                self._load = {name: snapshot[name] for name in LOAD_KEYS}
            except ClusterError as error:
                log.warning("Node %s: %s", self.node.name, error)
                self.failed = True
            self._asked = None
        if self._asked is None and self._ready and not self.failed:
            self._asked = self._keeper.call("snapshot")
        return self._load


class KeeperCalls:
    """A keeper's methods, called and waited for; see `sending.Keeping`."""

    def __init__(self, keeper: Remote) -> None:
        self._keeper = keeper

    def lacking(self, entries: list[Entry]) -> list[int]:
        """Which of these files have to be sent."""
        return list(self._keeper.call("lacking", entries).value(KEEPER_S))

    def take(self, pieces: list[Piece]) -> None:
        """Write pieces of files."""
        self._keeper.call("take", pieces).value(KEEPER_S)

    def root(self) -> str:
        """The folder that the head's paths are below."""
        return str(self._keeper.call("root").value(KEEPER_S))
