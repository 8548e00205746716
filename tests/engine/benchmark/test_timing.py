# SPDX-License-Identifier: AGPL-3.0-only
import math

import pytest

from engine.benchmark.timing import alternate, median_interval, ratio_interval


def test_no_sides_give_no_figures():
    assert alternate({}, rounds=3) == {}


def test_each_round_runs_every_side_once_beginning_with_another():
    calls = []

    def side(name):
        def measure():
            calls.append(name)
            return len(calls)

        return measure

    lines = []
    figures = alternate({name: side(name) for name in "abc"}, rounds=3, report=lines.append)
    assert "".join(calls) == "abcbcacababc"
    assert figures == {"a": [6, 8, 10], "b": [4, 9, 11], "c": [5, 7, 12]}  # the first round is discarded
    assert lines == ["Warm-up", "Round 1 of 3", "Round 2 of 3", "Round 3 of 3"]


@pytest.mark.parametrize(
    ("figures", "median"), [([2.0], 2.0), ([1.0, 9.0], 5.0), ([3.0, 1.0, 2.0], 2.0), ([1.0] * 5, 1.0)]
)
def test_median_with_an_interval_that_holds_it(figures, median):
    interval = median_interval(figures)
    assert interval.value == median
    assert min(figures) <= interval.low <= median <= interval.high <= max(figures)


def test_interval_narrows_with_agreement():
    wide, narrow = median_interval([1, 5, 9, 2, 8]), median_interval([5, 5.1, 4.9, 5, 5])
    assert narrow.high - narrow.low < wide.high - wide.low


def test_ratios_pair_the_figures_of_one_round():
    # The machine halves its speed from round to round; the ratio stays.
    first, second = [2.0, 4.0, 8.0], [1.0, 2.0, 4.0]
    interval = ratio_interval(first, second)
    assert (interval.value, interval.low, interval.high) == (2, 2, 2)
    assert not math.isnan(interval.value)
    with pytest.raises(ValueError, match="zip"):
        ratio_interval(first, second[:2])
