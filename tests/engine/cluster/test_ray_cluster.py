# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs on a Ray cluster of two nodes on this machine; what is wrong with an address or Ray is one line."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.cluster import ray_cluster
from engine.cluster.placing import Share
from engine.cluster.ray_cluster import GoneError, RayCluster
from engine.cluster.worker import ClusterWorker
from engine.errors import ClusterError
from engine.jobs import queue
from engine.store.repository import Repository
from tests.engine.cluster.clusters import knowing_tick
from tests.engine.cluster.test_worker import EXPECTED, once, ticking, works
from tests.engine.cluster.ticking import TickRequest


@pytest.fixture(scope="module")
def node_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("node")
    with knowing_tick(folder):
        yield folder


@pytest.fixture(scope="module")
def cluster(node_home: Path) -> Iterator[RayCluster]:
    """Two nodes of one processor each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=small)
    nodes.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    joined = RayCluster(nodes.address)
    yield joined
    joined.close()
    nodes.shutdown()


def test_jobs_run_on_both_nodes_and_survive_a_killed_actor(cluster: RayCluster, node_home: Path) -> None:
    with Repository() as repository:
        going = queue.submit(repository, "tick", TickRequest(ticks=40, pause_s=0.1), auto_resume=True)
        for _ in range(2):
            queue.submit(repository, "tick", TickRequest(ticks=3))

        def kill_its_actor(another: Repository, worker: ClusterWorker) -> None:
            once(another, going.id, ticking)
            (work,) = (node_home / "work").glob(f"*/jobs/{going.id}")
            os.kill(int(work.parents[1].name.partition("-")[0]), signal.SIGKILL)

        works(cluster, kill_its_actor)
        done = repository.jobs.get(going.id)
        assert (done.state, done.error, done.attempt) == ("succeeded", None, 2)
        assert done.result is not None
        assert (done.result["value"], done.result["began"] > 0) == (EXPECTED, True)
        assert (done.node, done.node_device) == (socket.gethostname(), "cpu")
        assert [job.attempt for job in repository.jobs.find(order="oldest")] == [2, 1, 1]
        assert repository.jobs.count(states=["succeeded"]) == 3


def test_what_a_method_raises_is_told(cluster: RayCluster) -> None:
    node = cluster.nodes()[0]
    post = cluster.post(node, Share())
    assert set(post.call("facts").value(60)) == {"home", "gpus"}
    with pytest.raises(ClusterError, match="cluster: a node failed with"):
        post.call("put", 1, [("x", 1)]).value(60)
    post.end()
    with pytest.raises(GoneError, match="cluster: expected a reply, got"):
        post.call("facts").value(60)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("form", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1:999999"])
def test_an_address_without_a_cluster(form: str) -> None:
    address = form.format(port=free_port())
    with pytest.raises(ClusterError) as caught:
        RayCluster(address)
    message = str(caught.value)
    assert message.startswith(f"worker: expected a Ray cluster at {address}, got none (")
    assert message.endswith("start one with ray start --head, or use --ray local")


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"expected Ray 2\.60 or newer, got none; run: pip install"):
        RayCluster("local")


def test_with_an_older_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    older = ModuleType("ray")
    older.__version__ = "2.9.3"  # type: ignore[attr-defined]
    for name in ("cloudpickle", "exceptions", "util", "util.scheduling_strategies"):
        monkeypatch.setitem(sys.modules, f"ray.{name}", ModuleType(name))
    monkeypatch.setitem(sys.modules, "ray", older)
    with pytest.raises(ClusterError, match=r"expected Ray 2\.60 or newer, got 2\.9\.3; run: pip install"):
        RayCluster("local")


def test_ray_tells_its_makers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    ray_cluster._import_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
