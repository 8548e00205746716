# SPDX-License-Identifier: AGPL-3.0-only
"""Charts of effects and of changes."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import pytest

from dashboard.charts.benchmarks import Effect, effect_chart
from engine.measurements import Interval

NAMES = ("decided", "undecided", "claimed")


def effect(name: str, value: float, *, stands_out: bool = True, claimed: tuple[float, ...] = ()) -> Effect:
    figure = Interval(value=value, low=value / 2, high=value * 2)
    return Effect(name=name, figure=figure, stands_out=stands_out, claimed=claimed)


def drawn(*effects: Effect, null: float = 1.0, **more: Any) -> go.Figure:
    return effect_chart(effects, null=null, names=NAMES, title="T", x_title="times", **more)


def null_line(figure: go.Figure) -> list[float]:
    return [line.x0 for line in figure.layout.shapes]


def test_without_effects_only_the_null_line_is_left() -> None:
    figure = drawn()
    assert (list(figure.data), null_line(figure)) == ([], [1.0])


def test_effects_are_points_with_intervals_from_top_to_bottom() -> None:
    figure = drawn(
        effect("a", 2.0), effect("a", 0.5, stands_out=False), effect("b", 4.0), dark=True, large=True
    )
    decided, undecided = figure.data
    assert (list(decided.x), list(decided.y), decided.name) == ([2.0, 4.0], [0, 2], "decided")
    assert (list(decided.error_x.array), list(decided.error_x.arrayminus)) == ([2.0, 4.0], [1.0, 2.0])
    assert (list(undecided.x), list(undecided.y), undecided.name) == ([0.5], [1], "undecided")
    assert (decided.marker.symbol, undecided.marker.symbol) == ("circle", "circle-open")
    assert list(figure.layout.yaxis.ticktext) == ["a", "a", "b"]
    assert figure.layout.yaxis.range == (2.5, -0.5)
    assert figure.layout.showlegend


def test_claims_are_diamonds_once_each() -> None:
    figure = drawn(
        effect("a", 2.0, claimed=(1.3, 1.4)), effect("b", 2.0), effect("c", 2.0, claimed=(0.5, 0.5))
    )
    claimed = figure.data[-1]
    assert (list(claimed.x), list(claimed.y)) == ([1.3, 1.4, 0.5], [0, 0, 2])
    assert (claimed.name, claimed.marker.symbol) == ("claimed", "diamond-open")


@pytest.mark.parametrize(
    ("values", "claimed", "axis", "dtick"),
    [
        ((1.0, 20.0), (), None, None),
        ((1.0, 21.0), (), "log", "D2"),
        ((1.0, 2.0), (50.0,), "log", "D2"),
        ((0.01, 2.0), (), "log", 1),
        ((-1.0, 200.0), (), None, None),
    ],
)
def test_effects_that_span_orders_lie_on_a_logarithmic_axis(
    values: tuple[float, float], claimed: tuple[float, ...], axis: str | None, dtick: str | int | None
) -> None:
    first, last = values
    shown = drawn(effect("a", first), effect("b", last, claimed=claimed)).layout.xaxis
    assert (shown.type, shown.dtick) == (axis, dtick)


def test_a_logarithmic_axis_has_no_line_at_0() -> None:
    assert null_line(drawn(effect("a", 0.5), effect("b", 0.6), null=0.0)) == [0.0]
    assert null_line(drawn(effect("a", 0.001), effect("b", 0.6), null=0.0)) == []
    assert null_line(drawn(effect("a", 0.001), effect("b", 0.6), null=1.0)) == [1.0]


def test_shares_are_written_as_they_are_meant_to_be() -> None:
    plain, percent = drawn(effect("a", 0.5)), drawn(effect("a", 0.5), form="+.0%")
    assert (plain.layout.xaxis.tickformat, percent.layout.xaxis.tickformat) == ("", "+.0%")
    assert plain.data[0].hovertemplate.startswith("%{customdata}: %{x:.4g}")
    assert percent.data[0].hovertemplate.startswith("%{customdata}: %{x:+.0%}")


def test_an_undefined_interval_has_no_width() -> None:
    unknown = Effect(name="a", figure=Interval(value=1.0, low=math.nan, high=math.nan), stands_out=False)
    assert list(drawn(unknown).data[0].error_x.array) == [0.0]


def test_names_keep_their_lines_and_are_folded_and_given_room() -> None:
    figure = drawn(effect("grouped, batch 8 :\nsequential and much longer, batch 1, speed", 1.0))
    (label,) = figure.layout.yaxis.ticktext
    assert label == "grouped, batch 8 :<br>sequential and much<br>longer, batch 1, speed"
    assert list(figure.data[0].customdata) == [
        "grouped, batch 8 : sequential and much longer, batch 1, speed"
    ]
    assert figure.layout.height > drawn(effect("a", 1.0)).layout.height
