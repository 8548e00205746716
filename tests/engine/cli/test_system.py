# SPDX-License-Identifier: AGPL-3.0-only
"""`hardware`, with and without GPUs."""

from __future__ import annotations

import pytest

from engine import hardware
from engine.cli import system


def test_the_machine_is_shown(run) -> None:
    shown = run("hardware")
    assert (shown.code, shown.err) == (0, "")
    facts = run("hardware", "--json").json
    rows = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in shown.out.splitlines()}
    assert rows["cpu model"] == facts["cpu_model"].strip()
    assert "gpus" not in rows
    assert "GiB" in shown.out
    assert facts["versions"]["torch"] in shown.out


@pytest.mark.parametrize("count", [0, 2])
def test_gpus_are_shown_one_by_one(run, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    import dataclasses

    fields = {field.name: None for field in dataclasses.fields(hardware.GpuSnapshot)}
    gpus = tuple(
        hardware.GpuSnapshot(**fields | {"index": index, "name": f"Card {index}", "memory_used_bytes": 2**30})
        for index in range(count)
    )
    machine = dataclasses.replace(hardware.snapshot(), gpus=gpus)
    monkeypatch.setattr(system.hardware, "snapshot", lambda: machine)
    shown = run("hardware").out
    assert ("No NVIDIA GPU was found" in shown) is (count == 0)
    assert [f"Card {index}" in shown for index in range(3)] == [index < count for index in range(3)]
    assert shown.count("1.0 GiB") >= count
