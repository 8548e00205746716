# SPDX-License-Identifier: AGPL-3.0-only
"""Batching and precision: what is measured on a tiny detector, and the answers from hand-made figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.benchmark import speed
from tests.engine.benchmark.factories import measured, row, sides


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
    assert "A batch of 8 does" in speed.batching_answer(rows)


def test_time_saved_follows_from_the_rates():
    saved = speed._saving({"sequential": [1.0, 3.0], "grouped, batch 8": [2.0, 4.0]})
    assert saved.samples == (0.5, 0.25)
    assert saved.claimed == 0.23


@pytest.mark.parametrize(
    ("grouped", "noise", "words"),
    [
        (1.8, 0.05, "1.80 times a single image's"),
        (1.8, 0.05, "grouping is faster beyond noise"),
        (1.45, 0.05, "grouping is no faster beyond noise"),
        (0.9, 0.05, "grouping is slower beyond noise"),
        (1.0, 0.05, "1.00 times (no difference beyond noise) a single image's"),
        (1.8, 0.05, "within noise of the claimed 1.8"),
        (1.0, 0.05, "below the claimed 1.8"),
    ],
)
def test_whether_grouping_pays(grouped, noise, words):
    rows = [
        row("grouped, batch 8", grouped, "times sequential", noise=noise),
        row("ragged, batch 8", 1.4, "times sequential", noise=noise),
        row("time saved by grouping, batch 8", 0.1, "share", noise=0.2),
        row("ragged, batch 16", 3e9, "bytes"),
    ]
    answer = speed.batching_answer(rows)
    assert words in answer
    assert answer.endswith("peak memory is 3.00 GB (ragged, batch 16).")


def test_without_figures_there_is_no_answer_to_batching():
    assert speed.batching_answer([]) == "The speed of batches of 8 could not be measured."


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


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.35, "bf16, batch 8 does 1.35 times fp32's"),
        (1.35, "within noise of the claimed 1.35"),
        (1.0, "1.00 times (no difference beyond noise) fp32's"),
        (0.8, "0.80 times fp32's image-iterations a second (below the claimed 1.35)"),
    ],
)
def test_what_precision_buys(ratio, words):
    rows = [
        row("bf16, batch 8", ratio, "times fp32", noise=0.05),
        row("fp32, batch 8", 4e9, "bytes"),
        row("bf16, batch 8", 2e9, "bytes"),
        row("compile on", 1.2, "times compile off", noise=0.1),
    ]
    answer = speed.precision_answer(rows)
    assert words in answer
    assert "torch.compile does 1.20 times" in answer
    assert "bf16, batch 8 takes 0.50 of fp32's memory (claimed 0.5)" in answer
    assert answer.endswith("fp16 was not measured: it needs a GPU.")
    assert speed.precision_answer([]) == "No lower precision could be measured."
