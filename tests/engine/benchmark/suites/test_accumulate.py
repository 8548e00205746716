# SPDX-License-Identifier: AGPL-3.0-only
"""Accumulation: the same number of images a step in four batches and in one."""

from __future__ import annotations

import pytest

from tests.engine.benchmark.suites.running import measure

PAIR = [("4 x batch 8", "batch 32")]


def test_speed_memory_and_strength_are_compared(subject, scale, memory):
    rows = measure("accumulate", subject, scale)
    for metric in ("image-iterations/s", "bytes", "confidence retained", "ASR", "AP50"):
        assert rows.sides(metric) == ["batch 32", "4 x batch 8"]
    assert [rows.pairs(claim) for claim in ("speed", "memory", "same")] == [PAIR] * 3
    assert memory == [{"batch_size": 32, "accumulate": 1}, {"batch_size": 8, "accumulate": 4}]
    (saved,) = rows.of("memory")
    assert (saved.effect.value, saved.outcome) == (0.25, "confirmed")
    (same,) = rows.of("same")
    assert same.claimed == (-0.05, 0.05)


def test_the_two_patches_are_told_apart(subject, scale):
    rows = measure("accumulate", subject, scale, ["score"])
    (distance,) = [row for row in rows.measurements if row.metric == "colour range"]
    assert len(distance.samples) == scale.seeds
    # Five images fill neither, so that both make one step of all of them.
    assert distance.figure.value == pytest.approx(0, abs=0.02)
