# SPDX-License-Identifier: AGPL-3.0-only
"""A matrix in words: rows, the strongest patch; the rest is tested through the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dashboard.i18n import speaking
from dashboard.parts.transfer import view
from dashboard.services.matrices import Figure, Table, TableColumn, TableRow

TABLE = Table(
    dataset="streets",
    name="streets",
    rows=(
        TableRow(condition="grey", name="16x16"),
        *(TableRow(condition="patch", name=each) for each in "ab"),
    ),
    columns=(TableColumn(detector="demo", name="demo"), TableColumn(detector="/w/net.pt", name="net")),
    figures=(
        (Figure(value=0.9), Figure(value=0.1, low=0.0, high=0.2)),
        (Figure(value=0.5, low=0.4, high=0.6, own=True), Figure(pending=True)),
        (Figure(value=0.25), Figure(error="no such weights")),
    ),
)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


def test_an_empty_table_has_no_strongest_patch() -> None:
    empty = replace(TABLE, rows=(), figures=())
    assert view.table_rows(empty) == []
    assert (
        view.alt(empty, "asr") == "Heat map of ASR on streets: 0 patches and their controls on 2 detectors."
    )


def test_rows_have_figures_with_intervals_or_say_why_not() -> None:
    assert view.table_rows(TABLE) == [
        {"Patch": "Grey patch 16x16", "demo": "0.90", "net": "0.10 (0.00 to 0.20)"},
        {"Patch": "a", "demo": "0.50 (0.40 to 0.60) ◆", "net": "not yet"},
        {"Patch": "b", "demo": "0.25", "net": "failed"},
    ]


@pytest.mark.parametrize(
    ("metric", "said"),
    [("asr", "The strongest is a on demo: 0.50."), ("ap50", "The strongest is b on demo: 0.25.")],
)
def test_the_strongest_patch_is_told_not_the_controls(metric: str, said: str) -> None:
    assert view.alt(TABLE, metric).endswith(said)


def test_defences_stand_in_a_heat_map_a_detector() -> None:
    assert view.grouped(TABLE) == [TABLE]
    defended = tuple(replace(each, defence="jpeg") for each in TABLE.columns)
    columns = (TABLE.columns[0], defended[0], TABLE.columns[1], defended[1])
    figures = tuple((first, second, second, first) for first, second in TABLE.figures)
    first, second = view.grouped(replace(TABLE, columns=columns, figures=figures))
    assert (first.columns, second.columns) == (columns[:2], columns[2:])
    assert first.figures == TABLE.figures
    assert second.figures == tuple((b, a) for a, b in TABLE.figures)
