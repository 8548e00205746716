# SPDX-License-Identifier: AGPL-3.0-only
"""The chart shows effects with their intervals beside what is claimed, and nothing where there is nothing."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from engine.benchmark.charts import draw
from engine.measurements import Comparison
from tests.engine.benchmark.factories import comparison, interval

NAN = math.nan


def texts(svg: str) -> list[str]:
    nodes = ElementTree.fromstring(svg).iter()
    return ["".join(node.itertext()).strip() for node in nodes if node.tag.endswith("}text")]


@pytest.mark.parametrize("comparisons", [[], [comparison(NAN)], [comparison(NAN), comparison(NAN)]])
def test_nothing_is_drawn_where_nothing_was_compared(comparisons: list[Comparison]) -> None:
    assert draw(comparisons) is None


def test_each_effect_is_named() -> None:
    svg = draw([comparison(side={"of": "a & b"}), comparison(NAN, side={"of": "undefined"}), comparison(3.0)])
    shown = texts(svg)
    assert {"a & b : b, speed", "a : b, speed", "times"} <= set(shown)
    assert "undefined : b, speed" not in shown


def test_each_unit_has_its_panel() -> None:
    shown = texts(draw([comparison(), comparison(0.1, unit="difference"), comparison(1.5)]))
    assert [text for text in shown if text in ("times", "difference")] == ["times", "difference"]


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [
        (None, False),
        ((1.4, 1.4), True),
        ((0.85, math.inf), True),
        ((-math.inf, math.inf), False),
    ],
)
def test_what_is_claimed_is_shown(claimed: tuple[float, float] | None, shown: bool) -> None:
    assert ("claimed" in texts(draw([comparison(claimed=claimed)]))) is shown


@pytest.mark.parametrize("bounds", [(NAN, NAN), (1.0, NAN), (2.5, 3.0)])
def test_an_interval_that_does_not_hold_its_effect_still_draws(bounds: tuple[float, float]) -> None:
    assert draw([comparison(effect=interval(2.0, *bounds))]).startswith("<svg")


def test_the_same_figures_give_the_same_file() -> None:
    assert draw([comparison(noise=0.5)]) == draw([comparison(noise=0.5)])


@pytest.mark.parametrize(("largest", "logarithmic"), [(19.0, False), (9000.0, True)])
def test_effects_that_span_orders_are_drawn_by_factors(largest: float, logarithmic: bool) -> None:
    shown = texts(draw([comparison(1.0), comparison(largest)]))
    assert ({"10", "100", "1000"} <= set(shown)) is logarithmic
