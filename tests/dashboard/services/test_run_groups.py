# SPDX-License-Identifier: AGPL-3.0-only
"""Groups of runs: none, means with intervals over seeds, and what else differs."""

from __future__ import annotations

import math

import pytest

from dashboard.services.run_groups import grouped, mean_of
from dashboard.services.run_table import Row


def row(number: int, **values: object) -> Row:
    return Row(id=str(number), job=number, patch=None, image="", values=values, intervals={})


def test_no_runs_make_no_groups() -> None:
    assert grouped([], "batch_size", ["asr"]) == []


def test_runs_of_one_value_have_a_mean_over_seeds_and_say_what_else_differs() -> None:
    runs = [
        row(1, batch_size=8, seed=0, asr=0.4, name="a"),
        row(2, batch_size=2, seed=0, asr=0.5),
        row(3, batch_size=8, seed=1, asr=0.6, learning_rate=0.1),
        row(4, batch_size=8, seed=2),
    ]
    small, large = grouped(runs, "batch_size", ["asr", "name", "ap50"])
    assert (small.value, large.value) == (2, 8)
    assert [each.job for each in large.rows] == [1, 3, 4]
    assert large.means["asr"] == mean_of([0.4, 0.6])
    assert set(large.means) == {"asr"}
    assert (small.differs, large.differs) == ([], ["learning_rate"])


def test_values_that_are_no_numbers_stay_in_their_order() -> None:
    runs = [row(1, optimizer="sign"), row(2), row(3, optimizer="adam"), row(4, optimizer="sign")]
    assert [each.value for each in grouped(runs, "optimizer", [])] == ["sign", None, "adam"]


def test_the_interval_is_students() -> None:
    assert (mean_of([0.5]).low, mean_of([0.5]).high) == (None, None)
    found = mean_of([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.high == pytest.approx(2 + 4.303 / math.sqrt(3))
    assert mean_of([float(n % 2) for n in range(100)]).low == pytest.approx(0.5 - 1.96 * 0.05025, abs=1e-4)
