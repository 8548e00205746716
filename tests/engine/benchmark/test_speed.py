# SPDX-License-Identifier: AGPL-3.0-only
"""Batching and precision: what is measured on a tiny detector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.benchmark import speed
from engine.benchmark.answers.cost import batching_answer
from tests.engine.benchmark.factories import measured, sides


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> list:
    """Memory is not measured in a process of its own: what was asked for, and a figure."""
    asked: list = []
    monkeypatch.setattr(speed, "peak_memory", lambda subject, **changes: asked.append(changes) or 2**30)
    return asked


def test_batching_measures_all_plans_and_sizes(subject, scale, no_child):
    scale = replace(scale, rounds=1)
    rows = measured(speed.batching_parts(subject, scale), "batching")
    plans = [f"{plan}, batch {size}" for size in (2, 4, 8, 16, 32) for plan in ("grouped", "ragged")]
    assert sides(rows, "image-iterations/s") == ["sequential", *plans]
    claimed = {each.side: each.claimed for each in rows if each.unit == "times sequential"}
    assert [claimed[f"grouped, batch {size}"] for size in (2, 4, 8, 16)] == [1.4, 1.7, 1.8, None]
    assert no_child == [{"batch_size": size} for size in (1, 4, 8, 16)]
    assert [each.claimed for each in rows if each.unit == "bytes"] == [0.5e9, 2e9, 4e9, 8e9]
    assert "A batch of 8 does" in str(batching_answer(rows))


def test_time_saved_follows_from_the_rates():
    saved = speed._saving({"sequential": [1.0, 3.0], "grouped, batch 8": [2.0, 4.0]})
    assert saved.samples == (0.5, 0.25)
    assert saved.claimed == 0.23


def test_precision_measures_what_a_cpu_can(subject, scale, no_child):
    parts = speed.precision_parts(subject, scale)
    assert [part.key for part in parts if part.needs == "cuda"] == ["memory, fp16"]
    rows = measured([part for part in parts if part.key != "compile"], "precision")
    assert sides(rows, "image-iterations/s") == [f"{p}, batch {n}" for n in (1, 8) for p in ("fp32", "bf16")]
    assert sides(rows, "times fp32") == ["bf16, batch 1", "bf16, batch 8"]
    assert sides(rows, "bytes") == ["fp32, batch 8", "bf16, batch 8"]


@pytest.mark.slow
def test_compilation_is_compared_on_the_same_steps(subject, scale):
    (compiled,) = [part for part in speed.precision_parts(subject, scale) if part.key == "compile"]
    rows = measured([compiled])
    assert sides(rows, "image-iterations/s") == ["compile off", "compile on"]
