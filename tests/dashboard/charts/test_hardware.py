# SPDX-License-Identifier: AGPL-3.0-only
"""The load's history."""

from __future__ import annotations

import pytest

from dashboard.charts.hardware import load_history


@pytest.mark.parametrize(
    ("ages", "series"),
    [([], {}), ([0.0], {"CPU": [50.0]}), ([-2.0, 0.0], {"CPU": [1.0, 2.0], "GPU 0": [None, 90]})],
)
def test_each_series_is_a_line_within_0_to_100(ages: list[float], series: dict[str, list[float]]) -> None:
    figure = load_history(ages, series, title="Load", x_title="Seconds")
    assert {line.name: list(line.y) for line in figure.data} == series
    assert tuple(figure.layout.yaxis.range) == (0, 103)
    assert len({line.line.color for line in figure.data}) == len(series)
