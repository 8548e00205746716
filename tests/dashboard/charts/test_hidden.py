# SPDX-License-Identifier: AGPL-3.0-only
"""Bars of the share that is hidden, with intervals that stay above zero."""

from __future__ import annotations

import math

from dashboard.charts.hidden import hidden_bars
from dashboard.charts.theme import colour

WORDS = {"title": "t", "x_title": "x", "y_title": "y", "number": "of {number}"}


def test_without_objects_there_are_no_bars() -> None:
    (bars,) = hidden_bars([], [], **WORDS).data
    assert len(bars.x) == 0


def test_a_bar_without_objects_stays_empty() -> None:
    nothing = (0, math.nan, math.nan, math.nan)
    (bars,) = hidden_bars([nothing, (1200, 0.5, 0.25, 0.625)], ["small", "large"], chosen=1, **WORDS).data
    assert list(bars.text) == ["", "of 1,200"]
    assert list(bars.y) == [None, 0.5]
    assert list(bars.error_y.array) == [None, 0.125]
    assert list(bars.error_y.arrayminus) == [None, 0.25]
    assert list(bars.marker.color) == [colour(0), colour(1)]
