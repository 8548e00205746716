# SPDX-License-Identifier: AGPL-3.0-only
"""The baseline: speed, memory and strength beside ART's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.benchmark.suites.running import measure

ART = "ART, batch 1"
OURS = [f"PatchBench, {view}batch {size}" for size in (8, 2, 1) for view in ("", "whole images, ")]


def test_speeds_are_of_the_same_rounds(subject, scale):
    rows = measure("baseline", subject, replace(scale, rounds=1), ["throughput"])
    assert rows.sides("image-iterations/s") == [ART, *OURS]
    assert rows.pairs("faster") == [(side, ART) for side in OURS]
    art, first, *_ = rows.measurements
    assert min(row.samples[0] for row in rows.measurements) > 0
    assert rows.comparisons[0].effect.value == pytest.approx(first.samples[0] / art.samples[0])


def test_memory_is_compared_image_by_image(subject, scale, memory):
    rows = measure("baseline", subject, scale, ["memory"])
    assert memory == [
        {"backend": "art", "batch_size": 1},
        {"batch_size": 1},
        {"batch_size": 1, "view_size": 0},
    ]
    ours = ["PatchBench, batch 1", "PatchBench, whole images, batch 1"]
    assert rows.sides("bytes") == [ART, *ours]
    assert rows.pairs("memory") == [(side, ART) for side in ours]
    assert [row.outcome for row in rows.comparisons] == ["none", "none"]  # here it was always the same


def test_strength_is_compared_at_equal_time(subject, scale):
    rows = measure("baseline", subject, replace(scale, seeds=1), ["score"])
    assert rows.sides("ASR") == [ART, "PatchBench"]
    assert rows.pairs("stronger") == [("PatchBench", ART)]
    assert all(row.facts["image_iterations"] > 0 for row in rows.measurements)
