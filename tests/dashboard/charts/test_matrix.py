# SPDX-License-Identifier: AGPL-3.0-only
"""The heat map of patches and detectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from plotly.colors import sample_colorscale

from dashboard.charts.matrix import OWN, Cell, heat_map
from dashboard.charts.theme import SCALE, inks


def drawn(cells: Sequence[Sequence[Cell]], **how: Any) -> Any:
    rows = [f"row {number}" for number in range(len(cells))]
    columns = [f"column {number}" for number in range(len(cells[0]) if cells else 0)]
    return heat_map(rows, columns, cells, **{"controls": 1, "stronger_low": False, "title": "t", **how})


def test_without_cells_it_is_empty() -> None:
    figure = drawn([])
    assert (figure.layout.annotations, figure.layout.shapes) == ((), ())
    assert len(figure.data[-1].x) == 0


def test_cells_say_their_figures_and_own_ones_are_framed() -> None:
    grey = [Cell(value=0.1, lines=("0.10",)), Cell(value=None, lines=("failed",))]
    patch = [Cell(value=0.9, lines=("0.90", "0.80–1.00"), own=True), Cell(value=0.4, lines=("0.40",))]  # noqa: RUF001
    figure = drawn([grey, patch])
    assert [list(row) for row in figure.data[0].z] == [[0.1, None], [0.9, 0.4]]
    texts = [each.text for each in figure.layout.annotations]
    assert texts == ["0.10", "failed", f"0.90 {OWN}<br>0.80–1.00", "0.40"]  # noqa: RUF001
    frame, line = figure.layout.shapes
    assert (frame.type, round(frame.x0), round(frame.y0)) == ("rect", 0, 1)
    assert (line.type, line.y0) == ("line", 0.5)
    assert list(zip(figure.data[-1].x, figure.data[-1].y, strict=True)) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert figure.data[-1].customdata[2] == "row 1, column 0: 0.90 0.80–1.00"  # noqa: RUF001


@pytest.mark.parametrize(("values", "top"), [((0.2, 0.4), 1.0), ((0.2, 3.5), 3.5)])
def test_the_scale_reaches_from_nothing_to_all_or_the_largest(values: tuple[float, ...], top: float) -> None:
    figure = drawn([[Cell(value=value, lines=("",)) for value in values]], stronger_low=True)
    assert (figure.data[0].zmin, figure.data[0].zmax, figure.data[0].reversescale) == (0, top, True)


@pytest.mark.parametrize("stronger_low", [False, True])
def test_figures_are_read_on_every_colour(stronger_low: bool) -> None:
    shares = [number / 50 for number in range(51)]
    figure = drawn([[Cell(value=share, lines=("x",)) for share in shares]], stronger_low=stronger_low)
    tints = sample_colorscale(
        SCALE, [1 - each if stronger_low else each for each in shares], colortype="tuple"
    )
    for label, tint in zip(figure.layout.annotations, tints, strict=True):
        ink = {"#000000": 0.0, "#FFFFFF": 1.0}[label.font.color]
        lighter, darker = sorted((ink, luminance(tint)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(rgb: Sequence[float]) -> float:
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in rgb]
    return sum(share * each for share, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_blank_is_written_on_the_page(dark: bool) -> None:
    figure = drawn([[Cell(value=None, lines=("not yet",))]], dark=dark, large=True)
    assert figure.layout.annotations[0].font.color == inks(dark)[0]
    assert figure.layout.annotations[0].font.size == 16


def test_names_are_no_html() -> None:
    cells = [[Cell(value=0.1, lines=("<b>0</b>",))]]
    figure = heat_map(["<i>r"], ["<i>c"], cells, controls=0, stronger_low=False, title="<i>t")
    assert figure.layout.title.text == "&lt;i&gt;t"
    assert (figure.layout.xaxis.ticktext, figure.layout.yaxis.ticktext) == (("&lt;i&gt;c",), ("&lt;i&gt;r",))
    assert figure.layout.annotations[0].text == "&lt;b&gt;0&lt;/b&gt;"
    assert "<i>" not in figure.data[-1].customdata[0]
