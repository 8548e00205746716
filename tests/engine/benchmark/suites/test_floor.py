# SPDX-License-Identifier: AGPL-3.0-only
"""The floor: a step and what it is held to."""

from __future__ import annotations

import math

import pytest

from tests.engine.benchmark.suites.running import measure

NAMES = (
    "step",
    "bare pass",
    "bare pass without the box branch, in threads",
    "rendering alone",
    "loading alone",
)


@pytest.mark.parametrize(("view", "pixels"), [("views", 32), ("whole images", 64)])
def test_all_sides_are_measured_with_views_and_whole_images(subject, scale, view, pixels):
    rows = measure("floor", subject, scale, [view])
    step, bare, scores, rendering, loading = (f"{name}, {view}" for name in NAMES)
    assert rows.sides("s/image") == [step, bare, scores, rendering, loading]
    assert {row.facts["canvas_px"] for row in rows.measurements} == {pixels}
    assert all(row.figure.value > 0 for row in rows.measurements)
    assert rows.pairs("close") == [(step, bare), (step, scores)]
    assert rows.pairs("small") == [(rendering, step), (loading, step)]
    assert [row.claimed for row in rows.comparisons] == [(0.85, math.inf)] * 2 + [(-math.inf, 0.1)] * 2


def test_a_steps_speed_is_its_time_upside_down(subject, scale):
    rows = measure("floor", subject, scale, ["views"])
    seconds = {row.side["of"]: row.samples for row in rows.measurements}
    ratios = sorted(bare / step for bare, step in zip(seconds["bare pass"], seconds["step"], strict=True))
    assert ratios[0] <= rows.of("close")[0].effect.value <= ratios[-1]
