# SPDX-License-Identifier: AGPL-3.0-only
"""The nodes of a cluster with what is known of each; nothing without a cluster."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import hardware
from engine.store.nodes import ClusterNode

GPU = {
    "index": 3,
    "name": "NVIDIA H200",
    "utilisation_percent": 73,
    "memory_used_bytes": 2**33,
    "memory_total_bytes": 2**37,
    "temperature_celsius": None,
}
NODE = ClusterNode(
    id="1",
    name="gpu-1",
    address="10.0.0.2",
    cpus=16,
    gpus=4,
    memory_bytes=2**36,
    cpus_taken=4,
    gpus_taken=0.5,
    jobs=2,
    load={
        "cpu_model": "EPYC",
        "cpu_percent": 37.4,
        "memory_used_bytes": 2**30,
        "memory_total_bytes": 2**34,
        "gpus": [GPU],
    },
)
NEW = ClusterNode(id="2", name="new", address="10.0.0.3", cpus=8, gpus=0, memory_bytes=2**34)


def script() -> None:
    from dashboard.parts.cluster_nodes import cluster_nodes

    cluster_nodes()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_nodes_and_gpus(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "cluster_nodes", lambda: [NEW, NODE][:count])
    page = AppTest.from_function(script).run()
    assert not page.exception
    tables = [each.value.to_dict("records") for each in page.dataframe]
    assert len(tables) == count  # the GPUs have one, once there are any
    if count == 2:
        assert tables[0][0] | {"CPU load": "-"} == {
            "Node": "new",
            "Jobs": 0,
            "GPUs in use": "0 of 0",
            "Processors in use": "0 of 8",
            "CPU load": "-",
            "Memory": tables[0][0]["Memory"],
            "Processor": tables[0][0]["Processor"],
            "Address": "10.0.0.3",
        }
        assert (tables[0][1]["GPUs in use"], tables[0][1]["CPU load"]) == ("0.5 of 4", "37 %")
        (gpu,) = tables[1]
        assert (gpu["Node"], gpu["GPU"], gpu["Utilisation"]) == ("gpu-1", "3: NVIDIA H200", "73 %")
