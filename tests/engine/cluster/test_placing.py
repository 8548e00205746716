# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs begin in the queue's order where there is room, and none is passed for ever."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cluster.placing import Share, beginning
from engine.records import Job
from tests.engine.cluster.clusters import a_node


def job(number: int, device: str = "auto", **needs: Any) -> Job:
    return Job(
        id=number,
        kind="tick",
        state="queued",
        label="",
        request={},
        device=device,
        seed=0,
        code_version="",
        created_at=0,
        needs=needs,
    )


GPUS = a_node("g", cpus=16, gpus=4)
CPUS = a_node("c", cpus=8)


@pytest.mark.parametrize(
    ("waiting", "nodes", "taken", "begun"),
    [
        ([], [], {}, []),
        ([job(1)], [], {}, []),
        ([job(1), job(2)], [a_node("a"), a_node("b")], {}, ["1 a", "2 b"]),
        ([job(1), job(2), job(3)], [a_node("a")], {}, ["1 a"]),
        ([job(1)], [CPUS], {"id-c": Share(cpus=1)}, []),  # without GPUs a job has a whole node
        ([job(1, cpus=4), job(2, cpus=4), job(3, cpus=1)], [CPUS], {}, ["1 c", "2 c"]),
        ([job(n) for n in range(5)], [CPUS, GPUS], {}, ["0 g", "1 g", "2 g", "3 g"]),
        ([job(1, device="cpu"), job(2)], [GPUS, CPUS], {}, ["1 c", "2 g"]),
        ([job(1, device="cpu", cpus=2)], [GPUS], {}, ["1 g"]),
        ([job(n, gpus=0.5) for n in range(3)], [a_node("g", cpus=4, gpus=1)], {}, ["0 g", "1 g"]),
        ([job(1, gpus=1)], [CPUS], {}, []),
        ([job(1, memory_gb=2.0), job(2)], [a_node("a")], {}, ["2 a"]),  # the first can never run here
        ([job(1, device="cuda:3")], [CPUS, GPUS], {}, ["1 g"]),
    ],
)
def test_what_begins_where(waiting: list[Job], nodes: list[Any], taken: dict, begun: list[str]) -> None:
    found = beginning(waiting, nodes, taken)
    assert [f"{each.id} {node.name}" for each, node, _ in found] == begun


def test_a_large_job_keeps_a_node_for_itself() -> None:
    busy = {"id-a": Share(cpus=1), "id-b": Share(cpus=3)}
    nodes = [a_node("a", cpus=4), a_node("b", cpus=4)]
    found = beginning([job(1, cpus=4), job(2, cpus=1), job(3, cpus=1)], nodes, busy)
    assert [(each.id, node.name) for each, node, _ in found] == [(2, "b")]


def test_a_gpu_brings_its_processors() -> None:
    ((_, _, share),) = beginning([job(1)], [GPUS], {})
    assert share == Share(cpus=4, gpus=1)
    ((_, _, share),) = beginning([job(1, gpus=0.5, cpus=3, memory_gb=0.5)], [GPUS], {})
    assert share == Share(cpus=3, gpus=0.5, memory_bytes=2**29)
