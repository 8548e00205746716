# SPDX-License-Identifier: AGPL-3.0-only
"""The budget: points at equal work, times by the measured rate, and the answer from hand-made figures."""

from __future__ import annotations

import pytest

from engine.benchmark.budget import _ways, budget_answer, budget_parts
from tests.engine.benchmark.factories import measured, row, sides


def test_every_axis_has_its_points(subject, scale):
    rows = measured(budget_parts(subject, scale), "budget")
    asked = [f"{images} images x {iterations} iterations" for images, iterations in ((10, 50), (100, 500))]
    times = {each.side: each for each in rows if each.unit == "s, by the measured rate"}
    assert list(times) == asked
    assert [times[side].claimed for side in asked] == [1500, 144000]
    assert times[asked[1]].figure.value == pytest.approx(100 * times[asked[0]].figure.value)
    assert {"100 texels", "150 texels", "200 texels", "learning rate 0.1"} <= set(sides(rows, "ASR"))


@pytest.mark.parametrize(
    ("axis", "work"),
    [("iterations", [20, 60, 120]), ("images", [60, 60]), ("texels", [60] * 3), ("learning rate", [60] * 3)],
)
def test_points_cost_the_same_but_for_iterations(subject, axis, work):
    records = [*subject.records] * 4
    ways = _ways(records, axis, 3)
    assert [changes["iterations"] * len(images) for changes, images in ways.values()] == work


@pytest.mark.parametrize(
    ("texels", "words"),
    [
        (0.8, "texels: 200 texels has the highest ASR, 0.8 (100 texels 0.4)"),
        (0.42, "texels: no difference beyond noise in ASR"),
        (0.1, "texels: 100 texels has the highest ASR"),
    ],
)
def test_what_a_budget_buys(texels, words):
    rows = [
        row("100 texels", 0.4, "ASR", noise=0.03, axis="texels"),
        row("200 texels", texels, "ASR", noise=0.03, axis="texels"),
        row("10 images x 50 iterations", 90.0, "s, by the measured rate", claimed=1500.0),
    ]
    answer = budget_answer(rows)
    assert words in answer
    assert answer.endswith("take 1.5 min by the measured rate, below the claimed 1500 s.")


def test_nothing_measured_is_said():
    assert budget_answer([]) == "Nothing could be measured."
