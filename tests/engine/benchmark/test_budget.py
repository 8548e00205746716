# SPDX-License-Identifier: AGPL-3.0-only
"""The budget: points at equal work, times by the measured rate."""

from __future__ import annotations

import pytest

from engine.benchmark.budget import _ways, budget_parts
from tests.engine.benchmark.factories import measured, sides


def test_every_axis_has_its_points(subject, scale):
    rows = measured(budget_parts(subject, scale), "budget")
    asked = [f"{images} images x {iterations} iterations" for images, iterations in ((10, 50), (100, 500))]
    times = {each.side: each for each in rows if each.unit == "s, by the measured rate"}
    assert list(times) == asked
    assert [times[side].claimed for side in asked] == [1500, 144000]
    assert times[asked[1]].figure.value == pytest.approx(100 * times[asked[0]].figure.value)
    assert {"100 texels", "150 texels", "200 texels", "learning rate 0.003"} <= set(sides(rows, "ASR"))


@pytest.mark.parametrize(
    ("axis", "work"),
    [("iterations", [20, 60, 120]), ("images", [60, 60]), ("texels", [60] * 3), ("learning rate", [60] * 3)],
)
def test_points_cost_the_same_but_for_iterations(subject, axis, work):
    records = [*subject.records] * 4
    ways = _ways(records, axis, 3)
    assert [changes["iterations"] * len(images) for changes, images in ways.values()] == work
