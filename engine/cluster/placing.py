# SPDX-License-Identifier: AGPL-3.0-only
"""Which waiting jobs begin now, and on which nodes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.jobs.needs import Needs
from engine.records import Job

_TINY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of a node."""

    cpus: float = 0.0
    gpus: float = 0.0
    memory_bytes: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(
            cpus=self.cpus + other.cpus,
            gpus=self.gpus + other.gpus,
            memory_bytes=self.memory_bytes + other.memory_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of a cluster and all that it offers to jobs."""

    id: str
    name: str
    address: str
    cpus: float
    gpus: float
    memory_bytes: int

    def share(self, job: Job, *, gpus_about: bool) -> Share | None:
        """What a job takes of this node; None if it never fits.

        Args:
            job: asks for it; what it leaves open is a GPU where the cluster has any, and those processors
                of the node that are a GPU's due, without GPUs all, as the local worker uses them.
            gpus_about: whether the cluster has GPUs.
        """
        needs = Needs.from_json(job.needs)
        gpus = needs.gpus
        if gpus is None:
            wants_gpu = job.device.startswith("cuda") or (job.device == "auto" and gpus_about)
            gpus = 1.0 if wants_gpu else 0.0
        due = self.cpus * min(gpus / self.gpus, 1.0) if gpus and self.gpus else self.cpus
        cpus = float(needs.cpus or max(int(due), 1))
        share = Share(cpus=cpus, gpus=gpus, memory_bytes=int((needs.memory_gb or 0) * 2**30))
        return share if self._holds(share) else None

    def fits(self, share: Share, taken: Share) -> bool:
        """Whether a share is free while another is taken."""
        return self._holds(share + taken)

    def _holds(self, share: Share) -> bool:
        return (
            share.cpus <= self.cpus + _TINY
            and share.gpus <= self.gpus + _TINY
            and share.memory_bytes <= self.memory_bytes
        )


def beginning(
    waiting: Sequence[Job], nodes: Sequence[Node], taken: Mapping[str, Share]
) -> list[tuple[Job, Node, Share]]:
    """The jobs that begin now, with their nodes and shares.

    Jobs have their turn in the queue's order. One for which no node has room keeps the emptiest of the nodes
    that could hold it for itself, so that smaller ones behind it pass on other nodes alone and it has its
    turn; one that no node could ever hold waits and keeps nobody.

    Args:
        waiting: the jobs that may run, in the queue's order.
        nodes: those alive.
        taken: node id → what running jobs have of it.
    """
    gpus_about = any(node.gpus for node in nodes)
    used = {node.id: taken.get(node.id, Share()) for node in nodes}
    open_nodes = {node.id: node for node in nodes}
    found = []
    for job in waiting:
        options = [
            (node, share)
            for node in open_nodes.values()
            if (share := node.share(job, gpus_about=gpus_about)) is not None
        ]
        options.sort(key=lambda option: (option[0].gpus > 0 and not option[1].gpus, used[option[0].id].cpus))
        free = next((each for each in options if each[0].fits(each[1], used[each[0].id])), None)
        if free is not None:
            node, share = free
            used[node.id] += share
            found.append((job, node, share))
        elif options:
            del open_nodes[options[0][0].id]
    return found
