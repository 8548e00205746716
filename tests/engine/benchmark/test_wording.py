# SPDX-License-Identifier: AGPL-3.0-only
"""Sides, figures, effects and headlines in words, English and others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.benchmark import wording
from engine.benchmark.suite import SUITES, Claim, Suite
from engine.benchmark.verdicts import NULL
from engine.benchmark.wording import (
    DASH,
    EFFECTS,
    HEADLINES,
    NOTHING,
    OUTCOMES,
    claimed_text,
    comparison_row,
    effect_figures,
    figure_text,
    headline,
    label,
    measurement_row,
    outcome_text,
    pair_name,
    shown_unit,
    texts,
)
from engine.measurements import OUTCOMES as ALL_OUTCOMES
from engine.measurements import Axes, Comparison
from tests.engine.benchmark.factories import comparison, interval, row

NAN, INF = math.nan, math.inf
FIRST = Claim(key="first", holds="It is faster", fails="It is not faster")
SECOND = Claim(key="second", holds="It is smaller", fails="It is as large", direction=-1, margin=0.1)


@pytest.fixture(autouse=True)
def suite() -> Iterator[Suite]:
    """A suite of two claims."""
    made = Suite(name="tiny", question="How?", parts={}, claims=(FIRST, SECOND), names=("a", "b"))
    with SUITES.having(made):
        yield made


@pytest.mark.parametrize(
    ("side", "name"),
    [
        ({}, ""),
        ({"": "claimed"}, "claimed"),
        ({"batching": "ragged", "batch_size": 8}, "ragged, batch 8"),
        ({"images": 10, "iterations": 50}, "10 images, 50 iterations"),
        ({"condition": "patch", "seed": 3}, "patch, seed 3"),
        ({"learning_rate": 0.03}, "learning rate 0.03"),
        ({"objects": "3+"}, "3+ objects per image"),
        ({"objects": 1, "images": 1, "iterations": 1}, "1 object per image, 1 image, 1 iteration"),
        ({"texels": 64, "pixels": 320, "prefetch": 2}, "64 texels per side, images of 320 px, prefetch 2"),
    ],
)
def test_a_side_is_named_by_its_values(side: Axes, name: str) -> None:
    assert label(side) == name


def test_names_and_forms_are_translated_but_no_numbers() -> None:
    words = {"ragged": "R", "batch {value}": "B{value}"}
    assert label({"batching": "ragged", "batch_size": 8}, lambda text: words.get(text, text)) == "R, B8"


@pytest.mark.parametrize(
    ("metric", "name"), [("images/s", "a : b, speed"), ("of an iteration", "a : b, of an iteration")]
)
def test_a_pair_is_named_by_both_sides_and_its_metric(metric: str, name: str) -> None:
    assert pair_name(comparison(metric=metric)) == name


@pytest.mark.parametrize(
    ("figure", "factor", "text"),
    [
        ((NAN, NAN, NAN), 1, DASH),
        ((0.0, 0.0, 0.0), 1, "0"),
        ((0.123456, 0.1, 0.2), 1, "0.1235 [0.1, 0.2]"),
        ((1234567.0, 1234567.0, 1234567.0), 1, "1.235e+06"),
        ((-2.5, -2.5, -2.5), 1, "-2.5"),
        ((2e9, 1e9, 3e9), 1e9, "2 [1, 3]"),
    ],
)
def test_figures_have_four_digits(figure: tuple[float, ...], factor: float, text: str) -> None:
    assert figure_text(interval(*figure), factor) == text


@pytest.mark.parametrize(
    ("metric", "shown"), [("s", ("s", "2 [1.5, 2.5]")), ("bytes", ("GB", "2e-09 [1.5e-09, 2.5e-09]"))]
)
def test_a_measurement_is_a_row(metric: str, shown: tuple[str, str]) -> None:
    assert measurement_row(row(metric=metric)) == ("step", shown[1], shown[0])
    assert shown_unit(metric)[0] == shown[0]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("times", NAN, DASH),
        ("times", 1.23456, "1.23"),
        ("times", 123.4, "123"),
        ("share", 0.000123, "0.01%"),
        ("share", 0.5, "50.00%"),
        ("difference", 0.12345, "+0.123"),
        ("difference", -0.5, "-0.500"),
    ],
)
def test_an_effect_is_written_as_its_unit_asks(unit: str, value: float, text: str) -> None:
    assert effect_figures(comparison(unit=unit, effect=interval(value)))[0] == text


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        (None, ""),
        ((1.4, 1.4), "1.4"),
        ((1.3, 1.4), f"1.3 {DASH} 1.4"),
        ((-INF, 0.1), "≤ 0.1"),
        ((0.85, INF), "≥ 0.85"),
    ],
)
def test_a_claimed_effect_is_a_number_a_range_or_a_bound(
    claimed: tuple[float, float] | None, text: str
) -> None:
    assert claimed_text(comparison(claimed=claimed)) == text


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ({"outcome": "confirmed", "claim": "first"}, "confirmed"),
        ({"outcome": "larger", "claim": "first"}, "more than claimed"),
        ({"outcome": "none", "claim": "first"}, "no effect above 5%"),
        ({"outcome": "none", "claim": "second"}, "no effect above 10%"),
        ({"outcome": "none", "claim": "second", "unit": "difference"}, "no effect above 0.10"),
        ({"outcome": "none", "claim": "of an earlier version"}, f"no effect above {DASH}"),
        ({"outcome": "undecided", "claim": "first"}, "inconclusive"),
        (
            {"outcome": "undecided", "claim": "first", "needs": {"rounds": 3}},
            "inconclusive; needs 3 more rounds",
        ),
        (
            {"outcome": "undecided", "claim": "first", "needs": {"objects": 1200, "seeds": 4}},
            "inconclusive; needs 1,200 more objects or 4 more seeds",
        ),
        (
            {"outcome": "undecided", "claim": "first", "needs": {"rounds": 1, "seeds": 1}},
            "inconclusive; needs 1 more round or 1 more seed",
        ),
        (
            {"outcome": "undecided", "claim": "first", "needs": {"times": 3}},
            "inconclusive; needs 3 times the objects and seeds",
        ),
    ],
)
def test_an_outcome_in_words(rest: dict[str, Any], text: str) -> None:
    assert outcome_text("tiny", comparison(**rest)) == text


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([], NOTHING),
        ([comparison()], NOTHING),
        ([comparison(claim="of an earlier version", outcome="confirmed")], NOTHING),
        ([comparison(1.5, 0.1, claim="first", outcome="confirmed")], "It is faster: 1.5 times the speed."),
        (
            [comparison(1.5, 0.1, claim="first", outcome="larger")],
            "It is faster, more than claimed: 1.5 times the speed.",
        ),
        (
            [comparison(1.5, 0.1, claim="first", outcome="smaller")],
            "It is faster, less than claimed: 1.5 times the speed.",
        ),
        ([comparison(0.5, 0.1, claim="first", outcome="refuted")], "It is not faster: 0.5 times the speed."),
        ([comparison(1.0, 0.01, claim="first", outcome="none")], "It is not faster: no effect above 5%."),
        (
            [comparison(1.1, 0.2, claim="first", outcome="undecided")],
            "Inconclusive: 1.1 times the speed (0.9 to 1.3).",
        ),
        (
            [comparison(0.004, metric="s", unit="share", claim="first", outcome="confirmed")],
            "It is faster: 0.40% of the time.",
        ),
        (
            [comparison(-0.1, metric="ASR", unit="difference", claim="first", outcome="refuted")],
            "It is not faster: -0.100 ASR.",
        ),
        (
            [comparison(0.0, metric="s", claim="first", outcome="confirmed")],
            "It is faster: none of the time.",
        ),
        # The first claim that is tested, wherever it stands.
        (
            [
                comparison(0.5, metric="bytes", claim="second", outcome="confirmed"),
                comparison(2.0, claim="first", outcome="confirmed"),
                comparison(3.0, claim="first", outcome="confirmed"),
            ],
            "It is faster: 2 times the speed.",
        ),
        (
            [comparison(0.5, metric="bytes", claim="second", outcome="confirmed")],
            "It is smaller: 0.5 times the memory.",
        ),
    ],
)
def test_the_headline_tells_of_the_first_claim(found: list[Comparison], sentence: str) -> None:
    assert headline("tiny", found) == sentence


def test_a_suite_of_another_version_has_no_headline() -> None:
    assert headline("gone", [comparison(claim="first", outcome="confirmed")]) == NOTHING


@pytest.mark.parametrize(
    ("rest", "cells"),
    [
        ({}, ("a", "b", "speed", "2", DASH, DASH)),
        (
            {"claim": "first", "claimed": (1.4, 1.4), "outcome": "larger"},
            ("a", "b", "speed", "2", "1.4", "more than claimed"),
        ),
        (
            {
                "effect": interval(0.1, -0.1, 0.3),
                "unit": "difference",
                "metric": "ASR",
                "outcome": "undecided",
            },
            ("a", "b", "ASR", "+0.100 [-0.100, +0.300]", DASH, "inconclusive"),
        ),
    ],
)
def test_a_comparison_is_a_row(rest: dict[str, Any], cells: tuple[str, ...]) -> None:
    assert comparison_row("tiny", comparison(**rest)) == cells


def test_every_outcome_and_unit_has_its_words() -> None:
    assert set(HEADLINES) == set(OUTCOMES) == set(ALL_OUTCOMES)
    assert set(EFFECTS) == {*NULL, "nothing"}


def marked(known: set[str]) -> Callable[[str], str]:
    def translate(text: str) -> str:
        assert text in known
        return text

    return translate


def test_all_that_is_translated_is_listed() -> None:
    """So a catalogue that has the list has everything."""
    found = texts()
    assert len(set(found)) == len(found)
    assert "" not in found
    translate = marked(set(found))
    every = {"outcome": "undecided", "claim": "first", "needs": {"objects": 2, "seeds": 3}}
    comparison_row("tiny", comparison(**every), translate)
    measurement_row(row("a"), translate)
    for outcome in ALL_OUTCOMES:
        headline("tiny", [comparison(claim="first", outcome=outcome)], translate)
        outcome_text("tiny", comparison(claim="first", outcome=outcome), translate)
    assert {"How?", "It is as large", "a"} <= set(found)


def test_a_claim_names_what_its_side_is() -> None:
    said = wording._of_side("The defence {defence} helps", {"defence": "no defence", "seed": 1}, str.upper)
    assert said == "The defence NO DEFENCE helps"
