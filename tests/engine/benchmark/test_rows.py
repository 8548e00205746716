# SPDX-License-Identifier: AGPL-3.0-only
"""Measurements say what they hold, and words say what is noise."""

from __future__ import annotations

import math

import pytest

from engine.benchmark import rows
from engine.records import Interval
from tests.engine.benchmark.factories import row


def interval(low: float, value: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("samples", "value", "kept"),
    [((), math.nan, ()), ((math.nan,), math.nan, ()), ((3.0, math.nan, 1.0, 2.0), 2.0, (3.0, 1.0, 2.0))],
)
def test_a_median_leaves_out_what_is_undefined(samples, value, kept):
    made = rows.median_row("a", samples, "s", batch_size=2)
    assert made.figure.value == pytest.approx(value, nan_ok=True)
    assert (made.samples, made.settings) == (kept, {"batch_size": 2})


def test_ratios_are_of_the_same_round():
    made = rows.ratio_row("a", [2.0, 8.0, 9.0], [1.0, 2.0, 3.0], claimed=1.4)
    assert (made.samples, made.figure.value, made.claimed, made.unit) == ((2.0, 4.0, 3.0), 3.0, 1.4, "times")


def test_an_exact_figure_has_no_width():
    made = rows.exact_row("a", 5.0, "bytes", 4.0)
    assert (made.figure.low, made.figure.high, made.samples, made.claimed) == (5.0, 5.0, (5.0,), 4.0)


def test_rows_are_found_by_side_and_unit():
    there = [row("a", 1, "s"), row("a", 2, "share"), row("b", math.nan, "s")]
    assert rows.row_of([], "a", "s") is None
    assert rows.row_of(there, "a", "share") is there[1]
    assert rows.figures_of(there, "s") == {"a": there[0].figure}
    assert rows.rate_rows({"a": [1.0]}, {"a": {"batch_size": 1}})[0].settings == {"batch_size": 1}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [((1, 1, 1), (1, 1, 1), False), ((1, 2, 3), (3, 4, 5), False), ((1, 2, 3), (4, 5, 6), True)],
)
def test_figures_are_apart_where_their_intervals_are(first, second, expected):
    assert rows.apart(interval(*first), interval(*second)) is expected
    assert rows.apart(interval(*second), interval(*first)) is expected


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, "no ASR could be measured"),
        ({"a": (0.4, 0.5, 0.6)}, "a has the highest ASR, 0.5"),
        ({"a": (0.1, 0.2, 0.3), "b": (0.4, 0.5, 0.6)}, "b has the highest ASR, 0.5 (a 0.2)"),
        ({"a": (0.1, 0.2, 0.5), "b": (0.4, 0.5, 0.6)}, "no difference beyond noise in ASR (b 0.5, a 0.2)"),
        (
            {"a": (0.4, 0.45, 0.5), "b": (0.4, 0.5, 0.6), "c": (0.1, 0.1, 0.1)},
            "b has the highest ASR, 0.5 (a 0.45, c 0.1), no difference beyond noise to a",
        ),
    ],
)
def test_the_best_side_in_words(figures, words):
    best = rows.best_of({side: interval(*each) for side, each in figures.items()}, "ASR")
    assert str(best) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ((1, 1, 1), "1.00 times (no difference beyond noise)"),
        ((0.9, 1.2, 1.3), "1.20 times (no difference beyond noise)"),
        ((1.1, 1.2, 1.3), "1.20 times"),
        ((0.7, 0.8, 0.9), "0.80 times"),
    ],
)
def test_a_ratio_in_words(ratio, words):
    assert str(rows.times(interval(*ratio))) == words


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ((1, 2, 3), "within noise of the claimed 2.5 s"),
        ((3, 4, 5), "above the claimed 2.5 s"),
        ((0, 1, 2), "below the claimed 2.5 s"),
    ],
)
def test_a_claim_in_words(figure, words):
    assert str(rows.compared(interval(*figure), 2.5, " s")) == words
