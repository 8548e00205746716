# SPDX-License-Identifier: AGPL-3.0-only
"""Charts of runs over each other."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.charts.compare import Axis, loss_curves, parallel_axes, places, score_bars, smoothed


@pytest.mark.parametrize(
    ("values", "strength", "found"),
    [
        ([], 0.9, []),
        ([4.0], 0.9, [4.0]),
        ([1.0, 3.0], 0.0, [1.0, 3.0]),
        ([2.0, 2.0, 2.0], 0.9, [2.0, 2.0, 2.0]),
        ([1.0, 3.0], 0.5, [1.0, (0.25 * 1 + 0.5 * 3) / 0.75]),
    ],
)
def test_smoothing_begins_without_bias(values: list[float], strength: float, found: list[float]) -> None:
    assert smoothed(values, strength) == pytest.approx(found)


def test_the_raw_line_stays_visible_below_the_smoothed_one() -> None:
    curves = {"first": ([1.0, 2.0], [4.0, 2.0]), "second": ([1.0, 2.0], [3.0, 3.0])}
    figure = loss_curves(curves, strength=0.5, title="Loss", x_title="Step")
    raw, thick, *_rest = figure.data
    assert list(raw.y) == [4.0, 2.0]
    assert list(thick.y) == smoothed([4.0, 2.0], 0.5)
    assert raw.line.color == thick.line.color
    assert [trace.showlegend for trace in figure.data] == [False, None, False, None]
    assert figure.layout.showlegend
    plain = loss_curves(curves, strength=0.0, title="Loss", x_title="Step")
    assert [list(trace.y) for trace in plain.data] == [[4.0, 2.0], [3.0, 3.0]]


def test_scores_have_intervals_and_their_control() -> None:
    scores = {"first": {"ASR": (0.5, 0.4, 0.7), "AP50": (None, None, None)}}
    figure = score_bars(scores, {"first": {"ASR": 0.2, "AP50": None}}, control="Grey", title="Scores")
    bars, control = figure.data
    assert list(bars.y) == [0.5, None]
    assert list(bars.error_y.array) == [pytest.approx(0.2), None]
    assert list(bars.error_y.arrayminus) == [pytest.approx(0.1), None]
    assert (control.name, list(control.y)) == ("Grey", [0.2, None])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        ([3], [0.5]),
        ([1, 3, 2], [0.0, 1.0, 0.5]),
        (["a", "b", "a"], [0.0, 1.0, 0.0]),
        ([True, False], [0.0, 1.0]),
        ([None, 2], [0.0, 1.0]),
    ],
)
def test_values_have_places_on_their_axis(values: list[Any], found: list[float]) -> None:
    assert places(values) == found


def test_each_run_is_a_line_across_all_axes() -> None:
    axes = {
        "Rate": Axis(places=[0.0, 1.0], texts=["0.01", "0.1"]),
        "ASR": Axis(
            places=[0.6, 0.6], texts=["0.60", "0.60"], spans=[(0.5, 0.9), (None, None)], ends=("0", "1")
        ),
    }
    figure = parallel_axes(axes, ["first", "second"], title="Settings")
    assert [(trace.name, list(trace.x)) for trace in figure.data] == [
        ("first", [0.0, 0.6]),
        ("second", [1.0, 0.6]),
    ]
    assert list(figure.layout.yaxis.ticktext) == ["Rate", "ASR"]
    assert [note.text for note in figure.layout.annotations] == ["0.01", "0.1", "0.60", "0", "1"]
    spans = [(list(trace.error_x.arrayminus), list(trace.error_x.array)) for trace in figure.data]
    assert spans == [
        ([None, pytest.approx(0.1)], [None, pytest.approx(0.3)]),
        ([None, None], [None, None]),
    ]
