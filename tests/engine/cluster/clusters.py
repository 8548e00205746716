# SPDX-License-Identifier: AGPL-3.0-only
"""A cluster without Ray, whose nodes are folders of this machine, and code for nodes that knows `tick`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.cluster import fleet, node, sending
from engine.cluster.placing import Node, Share
from engine.cluster.ray_cluster import GoneError
from engine.jobs.kinds import KINDS
from tests.engine.cluster import ticking


def a_node(name: str = "n1", **changes: Any) -> Node:
    facts = {"cpus": 1.0, "gpus": 0.0, "memory_bytes": 2**30}
    return Node(id=f"id-{name}", name=name, address="127.0.0.1", **(facts | changes))


class Done:
    """A call that was answered at once."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def within(self, seconds: float) -> bool:
        return True

    def value(self, timeout_s: float | None = None) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class Process:
    """What would be a process on a node: its methods are called in this one."""

    def __init__(self, thing: Any) -> None:
        self.thing, self.gone = thing, False

    def call(self, method: str, *values: Any) -> Done:
        value = None if self.gone else getattr(self.thing, method)(*values)
        if self.gone:  # meanwhile, too
            return Done(GoneError("cluster: expected a reply, got none"))
        return Done(value)

    def end(self) -> None:
        self.gone = True
        with suppress(AttributeError):  # it has not been started
            self.thing._child.kill()
            self.thing._child.wait()


class FakeCluster:
    """Nodes that share one folder, as those of one machine do."""

    def __init__(self, *nodes: Node) -> None:
        self.there = list(nodes)
        self.posts: list[Process] = []
        self.shares: list[tuple[str, Share]] = []

    def nodes(self) -> list[Node]:
        return list(self.there)

    def keeper(self, where: Node, head: str, code: str) -> Process:
        return Process(node.Keeper(head, code))

    def post(self, where: Node, share: Share) -> Process:
        self.shares.append((where.name, share))
        self.posts.append(Process(node.Post()))
        return self.posts[-1]


@cache
def code_with_tick() -> bytes:
    """The engine's code with the kind `tick`, which the process of a job adds to the others."""
    _, engine = sending.code_archive()
    changed, target = "engine/cluster/child.py", io.BytesIO()
    adding = "from engine.jobs.kinds import KINDS, ticking\nKINDS.add(ticking.TICK)\n"
    with zipfile.ZipFile(io.BytesIO(engine)) as old, zipfile.ZipFile(target, "w") as archive:
        for name in old.namelist():
            content = old.read(name)
            if name == changed:
                content = content.replace(b"\nlog = ", f"\n{adding}log = ".encode(), 1)
            archive.writestr(name, content)
        archive.writestr("engine/jobs/kinds/ticking.py", Path(ticking.__file__).read_bytes())
    return target.getvalue()


@contextmanager
def knowing_tick(node_home: Path) -> Iterator[None]:
    """The kind `tick` here and in the code that nodes are sent, which they keep in a folder."""
    with pytest.MonkeyPatch.context() as patched, KINDS.having(ticking.TICK):
        patched.setenv("PATCHBENCH_NODE_HOME", str(node_home))
        patched.setattr(fleet, "code_archive", lambda: ("with-tick", code_with_tick()))
        yield
