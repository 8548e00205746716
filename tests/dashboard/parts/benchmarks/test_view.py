# SPDX-License-Identifier: AGPL-3.0-only
"""What the page of a suite writes: outcomes and the lines of its table, in both languages."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dashboard.i18n import _, speaking
from dashboard.parts.benchmarks import view as parts
from dashboard.services.benchmarks import SUITES, wording
from engine.measurements import OUTCOMES, BenchmarkRun, Comparison
from engine.store.repository import Repository
from tests.dashboard.measured import add_benchmark, against

SIDE, REFERENCE = {"batching": "grouped", "batch_size": 8}, {"batching": "ragged", "batch_size": 8}
SPEED = against(SIDE, REFERENCE, (1.0, 1.02, 1.06), "image-iterations/s")
UNDECIDED: dict[str, Any] = {"claim": "grouping", "outcome": "undecided", "needs": {"rounds": 12}}


def run_of(*comparisons: Comparison) -> BenchmarkRun:
    with Repository() as repository:
        return add_benchmark(repository, comparisons, suite="batching")


def test_every_outcome_has_its_look() -> None:
    assert set(parts.OUTCOMES) == set(OUTCOMES)
    assert len({icon for _colour, icon in parts.OUTCOMES.values()}) == len(OUTCOMES)


def test_every_part_that_needs_cuda_has_a_name() -> None:
    assert set(parts.PARTS) == {part for suite in SUITES.things() for part in suite.needs_cuda}


@pytest.mark.parametrize(
    ("outcome", "english", "korean"),
    [
        ("", "–", "–"),  # noqa: RUF001
        ("confirmed", "confirmed", "확인됨"),
        ("smaller", "less than claimed", "주장보다 작음"),
        ("none", "no effect above 5%", "5%보다 큰 효과 없음"),
        ("undecided", "inconclusive", "판단 보류"),
    ],
)
def test_an_outcome_is_a_word_or_two(outcome: str, english: str, korean: str) -> None:
    tested = replace(SPEED, **{**UNDECIDED, "outcome": outcome})
    for code, words in (("en", english), ("ko", korean)):
        with speaking(code):
            assert parts.outcome_word("batching", tested) == words


@pytest.mark.parametrize(
    ("more", "columns"),
    [
        ({}, {"Outcome": "–"}),  # noqa: RUF001
        (
            {"claim": "grouping", "outcome": "larger", "claimed": (-math.inf, 1.0)},
            {"Outcome": "more than claimed", "Claimed": "≤ 1"},
        ),
        (UNDECIDED, {"Outcome": "inconclusive", "Needed to decide": "12 more rounds"}),
    ],
)
def test_a_line_of_the_table_says_what_there_is_to_say(more: dict[str, Any], columns: dict[str, str]) -> None:
    compared = replace(SPEED, **more)
    line = {
        "Side": "grouped, batch 8",
        "Effect": "1.02 [1, 1.06]",
        "Reference": "ragged, batch 8",
        "Metric": "speed",
    }
    with speaking("en"):
        found = parts.comparison_row(run_of(compared), compared)
    assert found == line | columns
    assert next(iter(found)) == "Outcome"


def test_a_line_of_the_table_is_said_in_korean() -> None:
    compared = replace(SPEED, **UNDECIDED)
    with speaking("ko"):
        found = parts.comparison_row(run_of(compared, SPEED), compared)
    assert found == {
        "결과": "판단 보류",
        "비교 대상": "그룹, 배치 8",
        "효과": "1.02 [1, 1.06]",
        "기준": "혼합, 배치 8",
        "지표": "속도",
        "판단에 필요한 것": "측정 12회 추가",
    }


@pytest.mark.parametrize(
    ("needs", "english", "korean"),
    [
        ({}, "", ""),
        (
            {"objects": 1200, "seeds": 3},
            "1,200 more objects or 3 more seeds",
            "객체 1,200개 추가 또는 시드 3개 추가",
        ),
        ({"times": 7}, "7 times the objects and seeds", "객체와 시드 7배"),
    ],
)
def test_what_would_decide_is_said_alone(needs: dict[str, int], english: str, korean: str) -> None:
    compared = replace(SPEED, **{**UNDECIDED, "needs": needs})
    for code, words in (("en", english), ("ko", korean)):
        with speaking(code):
            assert wording.needs_text(compared, _) == words
