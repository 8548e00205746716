# SPDX-License-Identifier: AGPL-3.0-only
"""Nodes get the code once, tell their load without being waited for, and are made anew after they failed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cluster.fleet import Fleet
from engine.cluster.placing import Share
from engine.errors import ClusterError
from tests.engine.cluster.clusters import FakeCluster, a_node, knowing_tick


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[None]:
    with knowing_tick(tmp_path / "node"):
        yield


def test_a_node_is_ready_once_it_has_the_code(tmp_path: Path, own_home: Path) -> None:
    fleet = Fleet(FakeCluster())
    assert (fleet.nodes(), fleet.told([], {}, {})) == ([], [])
    node = a_node()
    base = fleet.base(node)
    assert base.load() == {}
    assert base.ready() is base is fleet.base(node)
    assert (tmp_path / "node/code/with-tick/VERSION").is_file()
    assert base.weights().endswith(f"{own_home}/weights")


def test_what_is_told_of_nodes() -> None:
    node = a_node(gpus=2.0)
    fleet = Fleet(FakeCluster(node))
    fleet.base(node).ready()
    for _ in range(2):  # asked the first time, told the second
        (told,) = fleet.told([node], {node.id: Share(cpus=1, gpus=0.5)}, {node.id: 3})
    assert (told.name, told.cpus_taken, told.gpus, told.gpus_taken, told.jobs) == ("n1", 1, 2, 0.5, 3)
    assert {"cpu_percent", "gpus"} <= set(told.load)


def test_a_node_that_failed_is_tried_anew() -> None:
    node = a_node()
    fleet = Fleet(FakeCluster(node))
    first = fleet.base(node)
    first._keeper.end()  # type: ignore[attr-defined]
    with pytest.raises(ClusterError):
        first.ready()
    assert fleet.base(node) is not first
    assert fleet.base(node).ready()
