# SPDX-License-Identifier: AGPL-3.0-only
"""The look of all charts."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.charts.theme import COLOURS, CONFIG, colour, styled


def test_an_empty_figure_takes_the_look() -> None:
    light, dark = styled(go.Figure(), title="t"), styled(go.Figure(), title="t", dark=True)
    assert light.layout.title.text == "t"
    assert light.layout.paper_bgcolor != dark.layout.paper_bgcolor


def test_a_projector_gets_larger_type_and_a_higher_chart() -> None:
    small, large = styled(go.Figure(), title="t"), styled(go.Figure(), title="t", large=True)
    assert large.layout.font.size > small.layout.font.size
    assert large.layout.height > small.layout.height


def test_colours_differ_and_then_repeat() -> None:
    assert len(set(COLOURS)) == len(COLOURS)
    assert colour(len(COLOURS)) == colour(0)


def test_nothing_is_sent_anywhere() -> None:
    assert "sendDataToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert CONFIG["plotlyServerURL"] == ""
