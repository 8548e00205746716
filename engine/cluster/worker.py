# SPDX-License-Identifier: AGPL-3.0-only
"""The worker of a cluster: claims jobs as nodes have room, and looks after all that run."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from engine.cluster.fleet import Cluster, Fleet
from engine.cluster.placing import Node, Share, beginning
from engine.cluster.remote_job import RemoteJob
from engine.errors import ClusterError
from engine.jobs.child import GONE
from engine.jobs.kinds import kind_of
from engine.jobs.launcher import Launched, Launcher, start_child
from engine.jobs.sweeps import advance_all
from engine.jobs.worker import WATCH_S, Underway, Worker
from engine.jobs.workers import CLUSTER
from engine.records import Job
from engine.store.repository import Repository

log = logging.getLogger(__name__)

NODES_S, LOADS_S = 1.0, 3.0  # between two looks at which nodes there are, and at their load
WAITING = 200  # jobs of the queue that are looked at


def run_cluster_worker(address: str, *, until_idle: bool = False) -> None:
    """Work on a Ray cluster until stopped by SIGTERM or Ctrl-C.

    Args:
        address: see `RayCluster`.
        until_idle: end when no runnable job is left.

    Raises:
        ClusterError: Ray is missing, or there is no such cluster.
        StorageError: the database cannot be used at the start.
    """
    from engine.cluster.ray_cluster import RayCluster

    with Repository() as repository:
        cluster = RayCluster(address)
        try:
            worker = ClusterWorker(repository, cluster)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, worker.stop)
            worker.run(until_idle=until_idle)
        finally:
            cluster.close()


@dataclass(kw_only=True)
class Placed(Underway):
    """A job underway, with the node and its share; no node: on the head."""

    node: Node | None
    share: Share


class ClusterWorker(Worker):
    """Runs as many jobs as a cluster holds.

    Args:
        repository: the queue.
        cluster: as joined.
    """

    def __init__(self, repository: Repository, cluster: Cluster) -> None:
        super().__init__(repository, CLUSTER)
        self._fleet = Fleet(cluster)
        self._running: list[Placed] = []
        self._nodes: list[Node] = []
        self._looked_at = self._told_at = -math.inf
        self._stuck: set[int] = set()

    def _over(self, until: Callable[[], bool]) -> bool:
        """Running jobs are stopped first."""
        return super()._over(until) and not self._running

    def _turn(self) -> bool | None:
        """Look after all jobs and begin those for which there is room; False if there is nothing to do."""
        self._beat()
        advance_all(self._repository)
        self._end_those_that_ended()
        self._look_at_nodes()
        if not self._stopping.is_set():
            self._begin()
        if not self._running:
            return False
        time.sleep(WATCH_S)
        return None

    def _look_at_nodes(self) -> None:
        now = time.monotonic()
        if now - self._looked_at >= NODES_S:
            self._looked_at = now
            try:
                self._nodes = self._fleet.nodes()
            except ClusterError as error:
                log.warning("%s", error)
                self._nodes = []
        if now - self._told_at < LOADS_S:
            return
        self._told_at = now
        jobs = Counter(each.node.id for each in self._running if each.node)
        self._repository.nodes.tell(self._id, self._fleet.told(self._nodes, self._taken(), jobs))

    def _end_those_that_ended(self) -> None:
        for each in list(self._running):
            code = self._look_after(each, 0)
            if code is not None:
                self._settle(each.job, partial(self._end, each.job, code))
                self._running.remove(each)
                if code == GONE:
                    self._looked_at = -math.inf  # before a job begins there again

    def _begin(self) -> None:
        waiting = self._repository.queue.waiting(limit=WAITING)
        for job in waiting:
            if kind_of(job.kind).on_head and all(each.node for each in self._running):
                self._claim(job, None, Share(), start_child)
                break
        remote = [job for job in waiting if not kind_of(job.kind).on_head]
        for job, node, share in beginning(remote, self._nodes, self._taken()):
            self._claim(job, node, share, partial(self._launch_on, node, share))
        self._tell_stuck(remote)

    def _claim(self, job: Job, node: Node | None, share: Share, launch: Launcher) -> None:
        """Claim a job, if nobody else was faster, and start it."""
        where = node.name if node else "the head"
        claimed = self._repository.queue.claim(self._id, f"{CLUSTER}:{job.id}", job_id=job.id, where=where)
        if claimed is None:
            return
        log.info("Job %d (%s) starts on %s", claimed.id, claimed.kind, where)
        launched = self._started(claimed, launch)
        if launched is not None:
            self._running.append(Placed(job=claimed, launched=launched, node=node, share=share))

    def _launch_on(self, node: Node, share: Share, job: Job) -> Launched:
        return RemoteJob(job, lambda: self._fleet.base(node).ready(), share)

    def _taken(self) -> dict[str, Share]:
        taken: dict[str, Share] = {}
        for each in self._running:
            if each.node:
                taken[each.node.id] = taken.get(each.node.id, Share()) + each.share
        return taken

    def _tell_stuck(self, waiting: list[Job]) -> None:
        """Log, once a job, that no node could ever hold it."""
        gpus_about = any(node.gpus for node in self._nodes)
        for job in waiting:
            held = any(node.share(job, gpus_about=gpus_about) for node in self._nodes)
            if not held and self._nodes and job.id not in self._stuck:
                log.warning(
                    "Job %d is waiting: no node meets its requirements, %s", job.id, job.needs or job.device
                )
                self._stuck.add(job.id)
