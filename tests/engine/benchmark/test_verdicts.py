# SPDX-License-Identifier: AGPL-3.0-only
"""The one rule by which an effect decides a claim, by hand."""

from __future__ import annotations

import math

import pytest

from engine.benchmark.suite import Claim
from engine.benchmark.verdicts import NULL, decide, factor_needed
from engine.measurements import OUTCOMES
from tests.engine.benchmark.factories import interval

INF, NAN = math.inf, math.nan
UP = Claim(key="up", holds="", fails="", direction=1, margin=0.05)
DOWN = Claim(key="down", holds="", fails="", direction=-1, margin=0.05)
WITHIN = Claim(key="within", holds="", fails="", within=True)
SOME = (1.3, 1.5)
LESS = (0.4, 0.6)
CASES = [
    # What is not defined decides nothing.
    (UP, "times", (NAN, NAN), None, "undecided"),
    (UP, "times", (1.2, NAN), None, "undecided"),
    (WITHIN, "times", (NAN, NAN), (0.9, 1.1), "undecided"),
    # An increase is claimed, without a number.
    (UP, "times", (1.1, 1.3), None, "confirmed"),
    (UP, "times", (1.01, 1.3), None, "confirmed"),
    (UP, "times", (0.8, 0.9), None, "refuted"),
    (UP, "times", (0.95, 1.05), None, "none"),
    (UP, "times", (1.0, 1.0), None, "none"),
    (UP, "times", (1.01, 1.04), None, "none"),  # there is an effect, but none that matters
    (UP, "times", (0.9, 1.2), None, "undecided"),
    (UP, "times", (1.0, 1.2), None, "undecided"),
    (UP, "times", (1.2, INF), None, "confirmed"),
    (UP, "times", (-INF, INF), None, "undecided"),
    # A decrease is claimed.
    (DOWN, "times", (0.8, 0.9), None, "confirmed"),
    (DOWN, "times", (1.1, 1.3), None, "refuted"),
    (DOWN, "times", (0.97, 1.02), None, "none"),
    (DOWN, "times", (0.8, 1.02), None, "undecided"),
    # Differences are measured from 0.
    (UP, "difference", (0.02, 0.2), None, "confirmed"),
    (UP, "difference", (-0.2, -0.02), None, "refuted"),
    (DOWN, "difference", (-0.2, -0.02), None, "confirmed"),
    (DOWN, "difference", (0.02, 0.2), None, "refuted"),
    (DOWN, "difference", (-0.04, 0.03), None, "none"),
    (DOWN, "difference", (-0.1, 0.03), None, "undecided"),
    # So are shares.
    (UP, "share", (0.001, 0.04), None, "none"),
    (UP, "share", (0.06, 0.2), None, "confirmed"),
    # An increase by a number.
    (UP, "times", (1.2, 1.4), SOME, "confirmed"),
    (UP, "times", (1.35, 1.45), SOME, "confirmed"),
    (UP, "times", (1.5, 1.8), SOME, "confirmed"),
    (UP, "times", (1.6, 1.8), SOME, "larger"),
    (UP, "times", (1.1, 1.2), SOME, "smaller"),
    (UP, "times", (0.5, 0.9), SOME, "refuted"),
    (UP, "times", (0.98, 1.02), SOME, "none"),
    (UP, "times", (0.9, 1.4), SOME, "undecided"),
    (UP, "times", (1.6, 1.8), (1.4, 1.4), "larger"),
    (UP, "times", (1.3, 1.5), (1.4, 1.4), "confirmed"),
    (UP, "times", (1.6, 1.8), (1.4, INF), "confirmed"),
    # A decrease by a number: more of an effect is a smaller ratio.
    (DOWN, "times", (0.5, 0.7), LESS, "confirmed"),
    (DOWN, "times", (0.2, 0.3), LESS, "larger"),
    (DOWN, "times", (0.7, 0.9), LESS, "smaller"),
    (DOWN, "times", (1.2, 1.3), LESS, "refuted"),
    (DOWN, "difference", (-0.5, -0.4), (-0.3, -0.2), "larger"),
    (DOWN, "difference", (-0.15, -0.1), (-0.3, -0.2), "smaller"),
    # A range is claimed.
    (WITHIN, "times", (0.92, 1.08), (0.9, 1.1), "confirmed"),
    (WITHIN, "times", (0.9, 1.1), (0.9, 1.1), "confirmed"),
    (WITHIN, "times", (1.0, 1.2), (0.9, 1.1), "undecided"),
    (WITHIN, "times", (1.2, 1.3), (0.9, 1.1), "refuted"),
    (WITHIN, "times", (0.5, 0.8), (0.9, 1.1), "refuted"),
    (WITHIN, "times", (0.9, 9.0), (0.85, INF), "confirmed"),
    (WITHIN, "times", (0.5, 0.8), (0.85, INF), "refuted"),
    (WITHIN, "share", (0.01, 0.09), (-INF, 0.1), "confirmed"),
    (WITHIN, "share", (0.09, 0.11), (-INF, 0.1), "undecided"),
    (WITHIN, "share", (0.2, 0.3), (-INF, 0.1), "refuted"),
    # Without the range it is a claim of an effect.
    (WITHIN, "times", (1.2, 1.3), None, "confirmed"),
]


@pytest.mark.parametrize(("claim", "unit", "bounds", "claimed", "outcome"), CASES)
def test_outcomes(
    claim: Claim,
    unit: str,
    bounds: tuple[float, float],
    claimed: tuple[float, float] | None,
    outcome: str,
) -> None:
    assert decide(interval(sum(bounds) / 2, *bounds), unit, claim, claimed) == outcome


def test_the_table_has_every_outcome_and_unit() -> None:
    assert {outcome for *_, outcome in CASES} == set(OUTCOMES)
    assert {unit for _, unit, *_ in CASES} == set(NULL)


@pytest.mark.parametrize(
    ("claim", "value", "width", "claimed", "factor"),
    [
        (UP, 0.0, 0.05, None, 1),  # as wide as the margin already
        (UP, 0.0, 0.1, None, 4),
        (UP, 0.1, 0.2, None, 4),  # to show that there is an effect
        (DOWN, -0.1, 0.2, None, 4),
        (UP, 0.01, 0.08, None, 4),  # to show that none matters
        (UP, 0.025, 0.05, None, 4),  # either
        (WITHIN, 0.03, 0.04, (-0.05, 0.05), 4),
        (WITHIN, 0.08, 0.06, (-0.05, 0.05), 4),
        (WITHIN, 0.08, 0.06, (-INF, 0.05), 4),
        (WITHIN, 0.05, 0.04, (-0.05, 0.05), INF),
    ],
)
def test_how_much_more_data_it_would_take(
    claim: Claim, value: float, width: float, claimed: tuple[float, float] | None, factor: float
) -> None:
    effect = interval(value, value - width, value + width)
    assert factor_needed(effect, "difference", claim, claimed) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("claim", "value", "claimed"),
    [(UP, 0.02, None), (UP, 0.04, None), (DOWN, 0.04, None), (WITHIN, 0.03, (-0.05, 0.05))],
)
def test_with_so_much_more_data_it_is_decided(
    claim: Claim, value: float, claimed: tuple[float, float] | None
) -> None:
    wide = interval(value, value - 0.2, value + 0.2)
    assert decide(wide, "difference", claim, claimed) == "undecided"
    width = 0.2 / math.sqrt(1.01 * factor_needed(wide, "difference", claim, claimed))
    narrow = interval(value, value - width, value + width)
    assert decide(narrow, "difference", claim, claimed) != "undecided"
