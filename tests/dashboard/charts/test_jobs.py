# SPDX-License-Identifier: AGPL-3.0-only
"""Throughput, and estimates beside the truth."""

from __future__ import annotations

import pytest

from dashboard.charts.jobs import STRETCHES, estimates_beside_truth, rates, throughput
from engine.records import StepRecord


def step(number: int, elapsed_s: float, images: int = 2) -> StepRecord:
    return StepRecord(
        step=number,
        iteration=1,
        loss=1.0,
        terms={},
        learning_rate=0.1,
        images=images,
        elapsed_s=elapsed_s,
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], ([], [])),
        ([step(1, 0.5)], ([], [])),
        ([step(1, 0.5), step(2, 1.0), step(3, 3.0)], ([1.0, 3.0], [4.0, 1.0])),
        ([step(1, 1.0), step(11, 3.0)], ([3.0], [10.0])),  # thinned: ten steps lie between
        ([step(1, 1.0), step(2, 1.0)], ([], [])),
    ],
)
def test_rates_are_images_over_seconds(steps: list[StepRecord], expected: tuple[list, list]) -> None:
    assert rates(steps) == expected


def test_many_steps_are_taken_together() -> None:
    times, found = rates([step(number, number / 4) for number in range(1, 601)])
    assert len(times) <= STRETCHES
    assert found == pytest.approx([8.0] * len(found))


def test_throughput_is_drawn_from_zero() -> None:
    figure = throughput([step(1, 1.0), step(2, 2.0)], title="images/s", x_title="s")
    assert list(figure.data[0].y) == [2.0]
    assert figure.layout.yaxis.rangemode == "tozero"
    assert (figure.layout.title.text, figure.layout.xaxis.title.text) == ("images/s", "s")


@pytest.mark.parametrize("pairs", [[], [("Job 1", 10.0, 12.0), ("Job 2", 100.0, 50.0)]])
def test_estimates_lie_beside_the_line_of_equals(pairs: list[tuple[str, float, float]]) -> None:
    figure = estimates_beside_truth(pairs, title="t", x_title="x", y_title="y", equal="same")
    line, points = figure.data
    assert list(line.x) == list(line.y)
    assert list(points.x) == [foretold for _name, foretold, _true in pairs]
    assert list(points.y) == [true for _name, _foretold, true in pairs]
    assert list(points.text) == [name for name, *_ in pairs]
