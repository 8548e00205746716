# SPDX-License-Identifier: AGPL-3.0-only
"""What the page of a suite writes and draws."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from dashboard.i18n import speaking
from dashboard.parts.benchmarks import view as parts
from engine.records import Interval, Measurement
from tests.dashboard.measured import row

NOTHING = Interval(value=math.nan, low=math.nan, high=math.nan)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (NOTHING, "–"),  # noqa: RUF001
        (Interval(value=2.0, low=2.0, high=2.0), "2"),
        (Interval(value=1.23456, low=1.0, high=2.0), "1.235 (1 to 2)"),
    ],
)
def test_figures_have_their_interval_where_it_has_a_width(figure: Interval, text: str) -> None:
    assert parts.figure_text(figure) == text


def test_bytes_are_shown_in_gigabytes() -> None:
    unit, factor = parts.unit_of("bytes")
    assert (unit, 2e9 * factor) == ("GB", pytest.approx(2.0))
    assert parts.unit_of("s") == ("s", 1.0)
    line = parts.table_row(row("batch 8", 2e9, "bytes", 1e9))
    assert (line["Claimed"], line["Unit"], line["Rounds"]) == ("1", "GB", 5)
    assert line["Measured figure"].startswith("2 (1.96 to")
    assert parts.bar_of(row("batch 8", 2e9, "bytes", 1e9), factor, "b").claimed == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rows", "series", "names"),
    [
        ([], [], []),
        ([row("a", 1, batch_size=1), row("b", 1, batch_size=8)], [], ["", ""]),
        (
            [row("a", 1, batch_size=1, prefetch=0), row("b", 1, batch_size=1, prefetch=2)],
            ["prefetch"],
            ["prefetch 0", "prefetch 2"],
        ),
        (
            [row("a", 1, batch_size=1, batching="grouped"), row("b", 1, batch_size=1, batching="ragged")],
            ["batching"],
            ["grouped", "ragged"],
        ),
    ],
)
def test_measurements_at_one_place_are_told_apart(
    rows: list[Measurement], series: list[str], names: list[str]
) -> None:
    assert parts.telling(rows, "batch_size") == series
    assert [parts.line_name(each, series) for each in rows] == names


def test_a_chart_is_told_in_a_sentence() -> None:
    assert parts.alt_text("Speed", [row("a", 2.0)], "s", 1.0) == "Speed, in s: a 2."
