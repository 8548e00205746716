# SPDX-License-Identifier: AGPL-3.0-only
"""Measurements and comparisons from the figures of rounds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.benchmark.rows import compared, measured, rates, ratio
from tests.engine.benchmark.factories import CLAIM, interval

A, B = {"of": "a"}, {"of": "b"}
NAN = math.nan


@pytest.mark.parametrize(
    ("samples", "value", "kept"),
    [
        ((), NAN, ()),
        ((NAN,), NAN, ()),
        (NAN, NAN, ()),
        (5, 5.0, (5.0,)),
        ((3.0, NAN, 1.0, 2.0), 2.0, (3.0, 1.0, 2.0)),
    ],
)
def test_a_median_leaves_out_what_is_undefined(samples: Any, value: float, kept: tuple) -> None:
    made = measured(A, "s", samples, images=2)
    assert made.figure.value == pytest.approx(value, nan_ok=True)
    assert (made.side, made.metric, made.samples, made.facts) == (A, "s", kept, {"images": 2})


def test_a_single_figure_has_no_width() -> None:
    figure = measured(A, "bytes", 2**30).figure
    assert figure.low == figure.value == figure.high == 2**30


def test_speeds_are_named_by_their_sides() -> None:
    assert rates({}, {}) == []
    (made,) = rates({"a": [1.0, 3.0]}, {"a": A, "b": B})
    assert (made.side, made.metric, made.samples) == (A, "image-iterations/s", (1.0, 3.0))


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ((), (), NAN),
        ((1.0,), (0.0,), NAN),
        ((NAN, 2.0), (1.0, 1.0), 2.0),
        ((2.0, 8.0, 9.0), (1.0, 2.0, 3.0), 3.0),  # of the same round: 2, 4, 3
        (3, 2, 1.5),
        (3.0, 0, NAN),
    ],
)
def test_ratios_are_of_the_same_round(first: Any, second: Any, value: float) -> None:
    made = ratio(A, B, "s", (first, second))
    assert made.effect.value == pytest.approx(value, nan_ok=True)
    assert (made.side, made.reference, made.metric, made.unit) == (A, B, "s", "times")
    assert (made.claim, made.claimed, made.outcome, made.needs) == ("", None, "", {})


@pytest.mark.parametrize(
    ("expected", "given", "claimed"),
    [
        (None, None, None),
        ((1.3, 1.5), None, (1.3, 1.5)),
        ((1.3, 1.5), 1.8, (1.8, 1.8)),
        (None, (1.0, math.inf), (1.0, math.inf)),
    ],
)
def test_what_is_claimed_of_one_comparison_comes_before_the_claims_own(
    expected: Any, given: Any, claimed: Any
) -> None:
    made = compared(A, B, "s", "times", interval(1.4), replace(CLAIM, expected=expected), given)
    assert (made.claim, made.claimed) == (CLAIM.key, claimed)
    assert made.outcome == ("smaller" if given == 1.8 else "confirmed")
    assert compared(A, B, "s", "times", interval(1.4), None, given).claimed is None


@pytest.mark.parametrize(
    ("claim", "ratios", "needs"),
    [
        (None, (0.9, 1.0, 1.3), {}),
        (CLAIM, (), {}),
        (CLAIM, (0.9,), {}),  # one round tells no noise
        (CLAIM, (1.2, 1.3, 1.4), {}),  # decided
        (CLAIM, (0.9, 1.1, 1.3), {"rounds": 9}),  # 0.2 to either side, to fall to 0.1: four times the rounds
        (CLAIM, (0.95, 1.05, 1.09), {"rounds": 3}),  # 0.07 to fall to 0.05
        (CLAIM, (0.99, 1.2, 1.3), {"rounds": 2}),
        (replace(CLAIM, within=True, expected=(0.5, 1.0)), (0.9, 1.05, 1.1), {"rounds": 9}),
        (replace(CLAIM, within=True, expected=(0.5, 1.0)), (0.9, 1.0, 1.1), {}),  # on the bound
    ],
)
def test_how_many_more_rounds_would_decide(claim: Any, ratios: Any, needs: dict[str, int]) -> None:
    made = ratio(A, B, "s", (ratios, [1.0] * len(ratios)), claim)
    assert made.needs == needs
    assert not needs or made.outcome == "undecided"


def test_a_share_is_measured_from_nothing() -> None:
    made = ratio(A, B, "s", ([0.02, 0.03], [1.0, 1.0]), CLAIM, unit="share")
    assert (made.unit, made.effect.value, made.outcome) == ("share", 0.025, "none")
