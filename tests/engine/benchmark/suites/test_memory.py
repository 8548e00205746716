# SPDX-License-Identifier: AGPL-3.0-only
"""Memory: batches of each size, with views and with whole images."""

from __future__ import annotations

import math
from dataclasses import replace

from tests.engine.benchmark.suites.running import measure


def test_each_view_and_size_is_measured_and_compared(subject, scale, memory):
    rows = measure("memory", subject, replace(scale, batch_sizes=(1, 2, 4)))
    assert rows.sides("bytes") == [
        f"{view}, batch {size}" for view in ("views", "whole images") for size in (1, 2, 4)
    ]
    assert memory[0] == {"batch_size": 1, "view_size": 32}
    assert memory[-1] == {"batch_size": 4, "view_size": 0}
    assert rows.pairs("less") == [
        (f"{view}, batch {size}", f"{view}, batch 1")
        for view in ("views", "whole images")
        for size in (4, 2)  # the headline tells of the widest step
    ]
    assert [row.claimed for row in rows.of("less")] == [(-math.inf, 3.8), (-math.inf, 1.9)] * 2
    assert {row.outcome for row in rows.of("less")} == {"refuted"}  # here it grows as the batch does
    assert rows.pairs("saved") == [(f"views, batch {n}", f"whole images, batch {n}") for n in (1, 2, 4)]
    assert {row.outcome for row in rows.of("saved")} == {"none"}


def test_one_size_is_compared_by_its_views_alone(subject, scale, memory):
    rows = measure("memory", subject, replace(scale, batch_sizes=(1,)))
    assert rows.of("less") == []
    assert rows.pairs("saved") == [("views, batch 1", "whole images, batch 1")]
