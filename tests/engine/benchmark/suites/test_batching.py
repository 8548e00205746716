# SPDX-License-Identifier: AGPL-3.0-only
"""Batching: grouped and ragged batches of each size beside one image at a time."""

from __future__ import annotations

from dataclasses import replace

from tests.engine.benchmark.suites.running import measure

ONE = "sequential, batch 1"


def test_every_plan_and_size_is_compared(subject, scale):
    rows = measure("batching", subject, replace(scale, rounds=1), ["speed"])
    plans = [f"{plan}, batch {size}" for size in (2, 4, 8, 16, 32) for plan in ("grouped", "ragged")]
    assert rows.sides("image-iterations/s") == [ONE, *plans]
    assert rows.pairs("grouping") == [("grouped, batch 8", "ragged, batch 8")]
    assert rows.pairs("saving") == [("grouped, batch 8", ONE)]
    assert rows.pairs("batches") == [(plan, ONE) for plan in plans]
    claimed = {row.side["batch_size"]: row.claimed for row in rows.of("batches")}
    assert claimed == {2: (1.4, 1.4), 4: (1.7, 1.7), 8: (1.8, 1.8), 16: None, 32: None}


def test_time_saved_is_the_speed_upside_down(subject, scale):
    rows = measure("batching", subject, replace(scale, rounds=1), ["speed"])
    (saving,) = rows.of("saving")
    (faster,) = [row for row in rows.of("batches") if row.side == saving.side]
    assert abs(saving.effect.value * faster.effect.value - 1) < 1e-9
    assert saving.claimed == (0.77, 0.77)


def test_memory_is_compared_with_that_of_one_image(subject, scale, memory):
    rows = measure("batching", subject, scale, ["memory"])
    assert memory == [{"batch_size": size} for size in (1, 4, 8, 16)]
    assert rows.pairs("memory") == [(f"ragged, batch {size}", "ragged, batch 1") for size in (4, 8, 16)]
    assert [row.claimed[0] for row in rows.of("memory")] == [4, 8, 16]
    assert {row.outcome for row in rows.of("memory")} == {"confirmed"}  # here it grows as the batch does
