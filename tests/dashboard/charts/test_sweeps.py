# SPDX-License-Identifier: AGPL-3.0-only
"""Charts of sweeps: what is drawn where, from nothing to many trials."""

from __future__ import annotations

import pytest

from dashboard.charts.sweeps import (
    Point,
    axis_of,
    importance_bars,
    objective_over_trials,
    parallel_coordinates,
)


def points(*values: float, pruned: tuple[int, ...] = ()) -> list[Point]:
    return [
        Point(number=number, value=value, pruned=number in pruned, text=f"trial {number}")
        for number, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(
    ("values", "low", "so_far"),
    [
        ((), False, []),
        ((0.2, 0.5, 0.3), False, [0.2, 0.5, 0.5]),
        ((0.2, 0.5, 0.1), True, [0.2, 0.2, 0.1]),
    ],
)
def test_the_best_so_far_is_a_line(values: tuple[float, ...], low: bool, so_far: list[float]) -> None:
    figure = objective_over_trials(
        points(*values), low_is_best=low, title="t", x_title="x", names=("trial", "pruned", "best")
    )
    assert list(figure.data[0].y) == so_far
    assert [trace.name for trace in figure.data[1:]] == (["trial"] if values else [])


def test_pruned_trials_are_crosses_and_no_best() -> None:
    figure = objective_over_trials(
        points(0.2, 0.9, pruned=(2,)), low_is_best=False, title="t", x_title="x", names=("a", "b", "c")
    )
    assert list(figure.data[0].y) == [0.2]
    assert [(trace.name, list(trace.y), trace.marker.symbol) for trace in figure.data[1:]] == [
        ("a", [0.2], "circle"),
        ("b", [0.9], "x-thin-open"),
    ]


@pytest.mark.parametrize(
    ("values", "log", "places", "ticks"),
    [
        ([0.01, 0.1, 1.0], True, [0, 0.5, 1], ["0.01", "0.1", "1"]),
        ([2, 8, 32], False, [0, 0.2, 1], ["2", "8", "32"]),
        ([100, 101, 200], False, [0, 0.01, 1], ["100", "125", "150", "175", "200"]),
        ([5, 5], False, [0.5, 0.5], ["5"]),
        (["b", "a", "b"], False, [0, 1, 0], ["b", "a"]),
        ([True, False], False, [0, 1], ["True", "False"]),
        ([0, 1, 2, 3, 4, 8], False, [0, 0.125, 0.25, 0.375, 0.5, 1], ["0", "2", "4", "6", "8"]),
    ],
)
def test_where_values_lie_on_an_axis(values: list, log: bool, places: list, ticks: list[str]) -> None:
    axis = axis_of("a", values, list(map(str, values)), log=log)
    assert axis.places == pytest.approx(tuple(places))
    assert list(axis.ticks.values()) == ticks


@pytest.mark.parametrize("dark", [False, True])
def test_the_best_trial_is_drawn_last_and_thick(dark: bool) -> None:
    axes = [axis_of("rate <b>", [1, 2, 3], ["1", "2", "3"]), axis_of("ASR", [0.1, 0.9, 0.5], ["", "", ""])]
    figure, lower = (
        parallel_coordinates(axes, ["one", "two", "three"], best=1, low_is_best=low, title="t", dark=dark)
        for low in (False, True)
    )
    assert figure.data[0].line.color != lower.data[0].line.color
    assert len(figure.data) == 3
    assert figure.data[-1].customdata[0] == "two"
    assert figure.data[-1].line.width > figure.data[0].line.width
    assert list(figure.layout.yaxis.ticktext) == ["rate &lt;b&gt;", "ASR"]
    assert len(figure.layout.annotations) == 6


def test_the_most_important_setting_is_on_top() -> None:
    assert not importance_bars({}, title="t").data[0].x
    figure = importance_bars({"a": 0.2, "b": 0.8}, title="t")
    assert (list(figure.data[0].x), list(figure.data[0].text)) == ([0.2, 0.8], ["20%", "80%"])
    assert list(figure.layout.yaxis.ticktext) == ["a", "b"]
