# SPDX-License-Identifier: AGPL-3.0-only
"""Differences to the baseline in words; the table itself is seen in the page's own test."""

from __future__ import annotations

import math

import pytest

from dashboard.parts.runs.table import difference_data, verdict
from dashboard.services.baselines import Difference
from dashboard.services.run_table import Row
from engine.records import Interval


def found(value: float, low: float, high: float, *, paired: bool = True) -> Difference:
    return Difference(interval=Interval(value=value, low=low, high=high), paired=paired)


@pytest.mark.parametrize(
    ("score", "difference", "words"),
    [
        ("asr", found(0.1, math.nan, math.nan), "no interval available"),
        ("asr", found(0.1, -0.1, 0.3), "within noise (-0.10 to +0.30)"),
        ("asr", found(0.2, 0.1, 0.3), "stronger (+0.10 to +0.30)"),
        ("asr", found(-0.2, -0.3, -0.1, paired=False), "weaker (-0.30 to -0.10), from intervals"),
        ("ap50", found(-0.2, -0.3, -0.1), "stronger (-0.30 to -0.10)"),
        ("confidence_retained", found(0.2, 0.1, 0.3), "weaker (+0.10 to +0.30)"),
    ],
)
def test_a_difference_in_words(score: str, difference: Difference, words: str) -> None:
    assert verdict(score, difference) == words


def test_lines_that_cannot_be_compared_have_a_dash() -> None:
    lines = [Row(id=name, job=None, patch=None, image="", values={}, intervals={}) for name in ("1", "2")]
    assert difference_data([], {}, ["asr"]) == {"asr.difference": [], "asr.verdict": []}
    assert difference_data(lines, {"2": {"asr": found(0.2, 0.1, 0.3)}}, ["asr"]) == {
        "asr.difference": [None, 0.2],
        "asr.verdict": ["–", "stronger (+0.10 to +0.30)"],  # noqa: RUF001
    }
