# SPDX-License-Identifier: AGPL-3.0-only
"""`hardware`, with and without GPUs."""

from __future__ import annotations

import pytest

from engine import hardware
from engine.choices import Candidate, Choice
from engine.cli import system
from engine.store.repository import Repository
from engine.store.schema import database_path


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


def test_measured_settings_are_shown(run, own_home) -> None:
    assert run("hardware", "--json").json["choices"] == []
    assert not database_path().exists()
    plain = Candidate(precision="fp32", batch_size=2, compiled=False, images_per_s=25.0)
    choice = Choice(chosen=plain, candidates=(plain,))
    with Repository() as repository:
        repository.choices.put({"detector": "demo", "image_size": 320, "machine": "A 1"}, choice)
    assert "demo, 320 px, A 1: fp32, batch 2: 25 images/s" in run("hardware").out.splitlines()
    (found,) = run("hardware", "--json").json["choices"]
    assert (found["for"]["machine"], found["chosen"]["images_per_s"]) == ("A 1", 25.0)


def test_the_machine_is_shown_without_a_database_that_can_be_read(run, own_home) -> None:
    own_home.mkdir(parents=True, exist_ok=True)
    database_path().write_bytes(b"no database, but long enough to look at" * 50)
    shown = run("hardware")
    assert (shown.code, "cpu model" in shown.out) == (0, True)
    assert "Measured settings cannot be read" in shown.err
