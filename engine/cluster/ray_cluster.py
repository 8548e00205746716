# SPDX-License-Identifier: AGPL-3.0-only
"""A Ray cluster as jobs use it; the only file that imports Ray, and late."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from engine.cluster import node
from engine.cluster.placing import Node, Share
from engine.errors import ClusterError

LOCAL = "local"
OLDEST = (2, 60)
PROBE_S = 5.0
_CLIENT_PORT = 10001
_EXPECTED = "worker --ray: expected Ray 2.60 or newer"
_HOW_TO_INSTALL = "run: pip install -r requirements-cluster.txt"

log = logging.getLogger(__name__)


class GoneError(ClusterError):
    """The node, or the process on it that was asked, is gone."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A method of a process on a node that was called and may not have answered yet."""

    ray: ModuleType
    reference: Any

    def within(self, seconds: float) -> bool:
        """Whether it has answered, or failed, within so many seconds."""
        return bool(self.ray.wait([self.reference], timeout=seconds)[0])

    def value(self, timeout_s: float | None = None) -> Any:
        """What it has answered.

        Raises:
            GoneError: the node or the process is gone, or does not answer in time.
            ClusterError: the method failed.
        """
        errors = self.ray.exceptions
        try:
            return self.ray.get(self.reference, timeout=timeout_s)
        except errors.RayTaskError as error:
            raise ClusterError(f"cluster: a node failed with {_first_line(error.cause)}") from error
        except (errors.RayError, ConnectionError) as error:
            raise GoneError(f"cluster: expected a reply, got {_first_line(error)}") from error


class RemoteProcess:
    """A process on a node."""

    def __init__(self, ray: ModuleType, handle: Any) -> None:
        self._ray, self._handle = ray, handle

    def call(self, method: str, *values: Any) -> Answer:
        """Call a method; calls are answered in their order."""
        return Answer(ray=self._ray, reference=getattr(self._handle, method).remote(*values))

    def end(self) -> None:
        """End it at once, and what it has started."""
        try:
            self._ray.kill(self._handle)
        except Exception as error:  # it may be gone, and the cluster with it
            log.debug("%s", error)


class RayCluster:
    """A cluster that this process has joined as a driver; usable from several threads.

    Args:
        address: `local` (one on this machine, for as long as this process), `auto`, `HOST:PORT`, or
            `ray://HOST:PORT`.

    Raises:
        ClusterError: Ray is missing or too old, or there is no such cluster.
    """

    def __init__(self, address: str) -> None:
        self._ray = _import_ray()
        _join(self._ray, address)
        # The nodes need not have PatchBench: this module travels with what is made of it.
        self._ray.cloudpickle.register_pickle_by_value(node)

    def nodes(self) -> list[Node]:
        """The nodes that are alive.

        Raises:
            GoneError: the cluster is gone.
        """
        try:
            found = self._ray.nodes()
        except Exception as error:
            raise GoneError(f"cluster: expected the list of nodes, got {_first_line(error)}") from error
        return [_node(each) for each in found if each["Alive"]]

    def keeper(self, where: Node, head: str, code: str) -> RemoteProcess:
        """Start the keeper of a node; it needs no share of it."""
        return self._start(node.Keeper, where, Share(), head, code)

    def post(self, where: Node, share: Share) -> RemoteProcess:
        """Start the post of a job, once its share of the node is free."""
        return self._start(node.Post, where, share)

    def close(self) -> None:
        """Leave the cluster; what was started on it ends."""
        self._ray.shutdown()

    def _start(self, what: Callable[..., Any], where: Node, share: Share, *values: Any) -> RemoteProcess:
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(where.id, soft=False)
        remote = self._ray.remote(what).options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            memory=share.memory_bytes or None,
            max_restarts=0,
            scheduling_strategy=strategy,
        )
        return RemoteProcess(self._ray, remote.remote(*values))


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells its makers of each cluster otherwise
    try:
        import ray
        import ray.cloudpickle
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise ClusterError(f"{_EXPECTED}, got none; {_HOW_TO_INSTALL}") from error
    if tuple(map(int, re.findall(r"\d+", ray.__version__)[:2])) < OLDEST:
        raise ClusterError(f"{_EXPECTED}, got {ray.__version__}; {_HOW_TO_INSTALL}")
    return ray


def _join(ray: ModuleType, address: str) -> None:
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == LOCAL:
            ray.init(include_dashboard=False, **how)
        else:
            _require_listener(address)
            ray.init(address=address, **how)
    except ClusterError:
        raise
    except Exception as error:  # whatever Ray raises for what it does not find, or for another version
        raise ClusterError(
            f"worker: expected a Ray cluster at {address}, got {_first_line(error)}; see: ray status"
        ) from error


def _require_listener(address: str) -> None:
    """Raise `ClusterError` if nothing listens at an address; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not port.isdecimal():
        host, port = address.removeprefix("ray://"), str(_CLIENT_PORT)
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ClusterError(
            f"worker: expected a Ray cluster at {address}, got none ({reason}); "
            "start one with ray start --head, or use --ray local"
        ) from error


def _node(facts: dict[str, Any]) -> Node:
    resources = facts["Resources"]
    return Node(
        id=facts["NodeID"],
        name=facts["NodeManagerHostname"],
        address=facts["NodeManagerAddress"],
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        memory_bytes=int(resources.get("memory", 0)),
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
