# SPDX-License-Identifier: AGPL-3.0-only
"""Charts show what was measured beside what is claimed, and nothing where there is nothing."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from engine.benchmark.catalogue import Chart
from engine.benchmark.charts import draw
from engine.records import Interval, Measurement

BARS = Chart(title="Speed", unit="images/s")
LINES = Chart(title="Speed by batch size", unit="images/s", x="batch_size", series="plan", log_x=True)


def row(value: float, side: str = "step", claimed: float | None = None, **settings: Any) -> dict[str, Any]:
    figure = Interval(value=value, low=value - 0.5, high=value + 0.5)
    return Measurement(
        side=side, figure=figure, unit="images/s", claimed=claimed, settings=settings
    ).to_json()


def texts(svg: str) -> set[str]:
    return {
        "".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter() if "text" in node.tag
    }


@pytest.mark.parametrize(
    ("chart", "rows"),
    [
        (BARS, []),
        (BARS, [{**row(1.0), "unit": "s"}]),
        (BARS, [row(float("nan"))]),
        (LINES, [row(1.0)]),
        (LINES, [row(1.0, batch_size="many")]),
    ],
)
def test_nothing_is_drawn_where_nothing_was_measured(chart: Chart, rows: list) -> None:
    assert draw(chart, rows) is None


def test_bars_name_their_sides_and_claims() -> None:
    svg = draw(BARS, [row(1.0, "a & b", view="whole"), row(2.0, "other", claimed=1.8)])
    assert {"Speed", "images/s", "a & b (whole)", "other", "measured", "claimed"} <= texts(svg)
    assert "claimed" not in texts(draw(BARS, [row(1.0)]))


def test_lines_name_their_series_and_points() -> None:
    rows = [
        row(n * size, f"{plan} {size}", plan=plan, batch_size=size, claimed=1.5 if n == 1 else None)
        for n, plan in enumerate(("grouped", "ragged"), start=1)
        for size in (1, 4)
    ]
    shown = texts(draw(LINES, rows))
    assert {"grouped", "ragged", "claimed", "1", "4", "batch size", "images/s"} <= shown


def test_an_undefined_interval_draws_no_error_bar() -> None:
    assert draw(BARS, [{**row(1.0), "low": None, "high": None}]).startswith("<svg")


def test_the_same_figures_give_the_same_file() -> None:
    assert draw(LINES, [row(1.0, batch_size=1)]) == draw(LINES, [row(1.0, batch_size=1)])


@pytest.mark.parametrize("chart", [BARS, LINES])
@pytest.mark.parametrize(("largest", "logarithmic"), [(90.0, False), (9000.0, True)])
def test_figures_that_span_orders_are_drawn_by_factors(
    chart: Chart, largest: float, logarithmic: bool
) -> None:
    shown = texts(draw(chart, [row(1.0, batch_size=1), row(largest, batch_size=4)]))
    assert ({"10", "100", "1000"} <= shown) is logarithmic
