# SPDX-License-Identifier: AGPL-3.0-only
"""Answers are remembered for a while, apart for each home."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.services.storage import Found, cached, opened


def test_answers_are_remembered_for_each_home_and_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    @cached(ttl_s=60)
    def answer(number: int) -> int:
        asked.append(number)
        return number + 1

    assert [answer(1), answer(1), answer(2)] == [2, 2, 3]
    assert asked == [1, 2]
    monkeypatch.setenv("PATCHBENCH_HOME", "/elsewhere")
    assert answer(1) == 2
    assert asked == [1, 2, 1]
    answer.clear()
    answer(1)
    assert asked == [1, 2, 1, 1]


def test_two_functions_do_not_share_answers() -> None:
    @cached(ttl_s=60)
    def one() -> str:
        return "one"

    @cached(ttl_s=60)
    def two() -> str:
        return "two"

    assert (one(), two()) == ("one", "two")


def test_the_database_is_the_homes_own(own_home: Path) -> None:
    with opened() as repository:
        assert repository.datasets.all() == []
    assert (own_home / "patchbench.db").exists()


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (12, 1), (13, 2)])
def test_a_list_has_a_page_at_least(total: int, pages: int) -> None:
    assert Found(rows=[], total=total, page_size=12).pages == pages
