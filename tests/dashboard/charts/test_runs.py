# SPDX-License-Identifier: AGPL-3.0-only
"""Dots of runs: none, in series, with intervals, on logarithmic axes."""

from __future__ import annotations

from dashboard.charts.runs import Dot, scatter

NAMES = {"title": "ASR over time", "x_title": "Time (s)", "y_title": "ASR"}


def test_no_runs_draw_empty_axes() -> None:
    assert len(scatter([], **NAMES).data) == 0


def test_each_series_has_its_sign_and_names_are_text() -> None:
    dots = [
        Dot(x=1, y=(0.5, 0.4, 0.7), text="<b>1</b>", series="8"),
        Dot(x=2, y=(0.6, None, None), text="2", series="2"),
        Dot(x=3, y=(0.7, None, None), text="3", series="8"),
    ]
    figure = scatter(dots, log_x=True, **NAMES)
    assert [list(trace.x) for trace in figure.data] == [[1, 3], [2]]
    assert len({(trace.marker.color, trace.marker.symbol) for trace in figure.data}) == 2
    assert round(figure.data[0].error_y.array[0], 6) == 0.2
    assert figure.data[0].customdata[0] == "&lt;b&gt;1&lt;/b&gt;"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "linear")
    assert figure.layout.showlegend
