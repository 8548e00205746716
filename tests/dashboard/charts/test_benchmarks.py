# SPDX-License-Identifier: AGPL-3.0-only
"""Charts of measurements."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dashboard.charts.benchmarks import Bar, change_chart, line_chart, side_chart
from engine.records import Interval

NAMES = ("measured", "claimed")


def bar(name: str, value: float, **more: float) -> Bar:
    return Bar(name=name, figure=Interval(value=value, low=value - 1, high=value + 2), **more)


def test_no_sides_make_an_empty_chart() -> None:
    figure = side_chart([], names=NAMES, title="Speed", x_title="s")
    assert [list(trace.x) for trace in figure.data] == [[]]


def test_sides_are_bars_with_intervals_and_claims_are_diamonds() -> None:
    bars = [bar("a", 5.0), bar("a", 7.0, claimed=9.0)]
    figure = side_chart(bars, names=NAMES, title="Speed", x_title="s", dark=True, large=True)
    measured, claimed = figure.data
    assert (list(measured.x), list(measured.y)) == ([5.0, 7.0], [0, 1])
    assert (list(measured.error_x.array), list(measured.error_x.arrayminus)) == ([2.0, 2.0], [1.0, 1.0])
    assert (list(claimed.x), list(claimed.y), claimed.name) == ([9.0], [1], "claimed")
    assert list(figure.layout.yaxis.ticktext) == ["a", "a"]


@pytest.mark.parametrize(
    ("values", "claimed", "drawn", "axis"),
    [
        ((1.0, 90.0), None, "bar", None),
        ((1.0, 101.0), None, "scatter", "log"),
        ((1.0, 90.0), 200.0, "scatter", "log"),
    ],
)
def test_sides_that_span_orders_are_points_on_a_logarithmic_axis(
    values: tuple[float, ...], claimed: float | None, drawn: str, axis: str | None
) -> None:
    bars = [Bar(name="a", figure=Interval(value=value, low=value, high=value)) for value in values]
    figure = side_chart([*bars, replace(bars[0], claimed=claimed)], names=NAMES, title="T", x_title="s")
    assert (figure.data[0].type, figure.layout.xaxis.type) == (drawn, axis)


def test_lines_that_span_orders_have_a_logarithmic_axis() -> None:
    near, far = (
        line_chart(
            [bar("", 4.0, x=1), bar("", top, x=2)], names=NAMES, title="T", x_title="x", y_title="y"
        ).layout.yaxis
        for top in (40.0, 4000.0)
    )
    assert (near.type, near.rangemode, far.type) == (None, "tozero", "log")


def test_an_undefined_interval_has_no_width() -> None:
    unknown = Bar(name="a", figure=Interval(value=1.0, low=math.nan, high=math.nan))
    figure = side_chart([unknown], names=NAMES, title="Speed", x_title="s")
    assert list(figure.data[0].error_x.array) == [0.0]


def test_a_long_name_is_folded_and_given_room() -> None:
    long = "a name that is much longer than a phone is wide"
    figure = side_chart([bar(long, 1.0)], names=NAMES, title="Speed", x_title="s")
    short = side_chart([bar("a", 1.0)], names=NAMES, title="Speed", x_title="s")
    assert "<br>" in figure.layout.yaxis.ticktext[0]
    assert figure.layout.height > short.layout.height


def test_lines_are_drawn_over_a_setting_in_its_order() -> None:
    points = [bar("b", 4.0, x=8), bar("a", 1.0, x=1, claimed=2.0), bar("b", 3.0, x=1)]
    figure = line_chart(points, names=NAMES, title="T", x_title="x", y_title="y", log_x=True)
    lines = {trace.name: list(trace.x) for trace in figure.data}
    assert lines == {"a": [1], "b": [1, 8], "claimed": [1]}
    assert (figure.layout.xaxis.type, list(figure.layout.xaxis.tickvals)) == ("log", [1, 8])
    assert figure.layout.showlegend


def test_a_single_line_without_a_name_is_what_was_measured() -> None:
    figure = line_chart([bar("", 4.0, x=8)], names=NAMES, title="T", x_title="x", y_title="y")
    assert [trace.name for trace in figure.data] == ["measured"]
    assert not figure.layout.showlegend


def test_changes_beyond_noise_stand_apart() -> None:
    still = Interval(value=0.01, low=-0.1, high=0.1)
    moved = Interval(value=-0.3, low=-0.4, high=-0.2)
    changes = {"a": (still, False), "b": (moved, True), "c": (still, None)}
    figure = change_chart(changes, names=("beyond", "within"), title="T", x_title="x")
    assert {trace.name: list(trace.y) for trace in figure.data} == {"beyond": [1], "within": [0, 2]}
    assert list(figure.layout.yaxis.ticktext) == ["a", "b", "c"]
