# SPDX-License-Identifier: AGPL-3.0-only
"""The look of all charts."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts.theme import (
    COLOURS,
    CONFIG,
    Bounded,
    as_text,
    colour,
    dot_px,
    error_bars,
    folded,
    legend_lines,
    revision,
    stroke,
    styled,
    thick,
)


def test_an_empty_figure_takes_the_look() -> None:
    light, dark = styled(go.Figure(), title="t"), styled(go.Figure(), title="t", dark=True)
    assert light.layout.title.text == "t"
    assert light.layout.paper_bgcolor != dark.layout.paper_bgcolor


def test_a_projector_gets_larger_type_and_a_higher_chart() -> None:
    small, large = styled(go.Figure(), title="t"), styled(go.Figure(), title="t", large=True)
    assert large.layout.font.size > small.layout.font.size
    assert large.layout.height > small.layout.height


@pytest.mark.parametrize(
    "trace", [go.Scatter(x=[1, 2], y=[3, 4]), go.Scatter(x=["a"], y=np.array([0.5])), go.Heatmap(z=[[1, 2]])]
)
def test_a_revision_stands_for_what_is_drawn(trace: go.Scatter | go.Heatmap) -> None:
    def figure() -> go.Figure:
        return styled(go.Figure([trace]), title="t")

    changed = figure()
    values = "z" if isinstance(trace, go.Heatmap) else "y"
    changed.data[0][values] = np.asarray(trace[values]) + 1
    assert revision(figure()) == revision(figure())
    assert revision(changed) != revision(figure())


def test_colours_differ_and_then_repeat() -> None:
    assert len(set(COLOURS)) == len(COLOURS)
    assert colour(len(COLOURS)) == colour(0)


def test_nothing_is_sent_anywhere() -> None:
    assert "sendDataToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert CONFIG["plotlyServerURL"] == ""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("", ""),
        ("short", "short"),
        ("two words", "two<br>words"),
        ("averylongword a b", "averylongword<br>a b"),
        ("한국 a", "한국 a"),  # a Korean letter is as wide as two Latin ones
        ("한국 글", "한국<br>글"),
    ],
)
def test_long_names_are_folded_between_words(name: str, lines: str) -> None:
    assert folded(name, width=6) == lines


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("person", "person"),
        ("<b>a</b> & <a href='x'>c</a>", "&lt;b&gt;a&lt;/b&gt; &amp; &lt;a href='x'&gt;c&lt;/a&gt;"),
    ],
)
def test_names_are_no_html(written: str, shown: str) -> None:
    figure = go.Figure()
    figure.add_bar(name=written, x=[1, 2], y=[written, None], customdata=[written, "b"])
    (bar,) = styled(figure, title="t").data
    assert (as_text(written), bar.name, bar.y[0], bar.customdata[0]) == (shown, shown, shown, shown)
    assert bar.x == (1, 2)
    assert folded(written).replace("<br>", " ") == shown


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("", []),
        ("1 person", ["1 person"]),
        ("1 " + "long " * 12, ["1 " + "long " * 7 + "long", "long " * 3 + "long"]),
    ],
)
def test_names_in_a_legend_are_folded_and_whole(name: str, lines: list[str]) -> None:
    assert legend_lines(name) == lines


def test_lines_differ_by_colour_and_dashes_and_are_read_from_afar() -> None:
    first, second = stroke(0, False), stroke(1, False)
    assert first["color"] != second["color"]
    assert first["dash"] != second["dash"]
    assert first["width"] == thick(False) < stroke(0, True)["width"]
    assert dot_px(False) < dot_px(True)


@pytest.mark.parametrize(
    ("figure", "up", "down"),
    [
        ((0.5, 0.25, 1.0), 0.5, 0.25),
        ((0.5, 0.75, 0.25), 0.0, 0.0),
        ((1.0, math.nan, math.nan), 0.0, 0.0),
        ((0.5, None, 1.0), 0.5, None),
        ((None, None, None), None, None),
    ],
)
def test_an_undefined_interval_is_not_drawn(figure: Bounded, up: float | None, down: float | None) -> None:
    drawn = error_bars([figure], dark=False)
    assert (drawn["array"], drawn["arrayminus"]) == ([up], [down])
