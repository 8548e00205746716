# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import itertools

import pytest

from tests.measure.scaling import LINKS, MANY, all_reduce_s, expected


@pytest.mark.parametrize(
    ("processes", "seconds"),
    [(1, 0.0), (2, 2 * (500 / 1e6 + 1e-3)), (10, 18 * (100 / 1e6 + 1e-3))],
)
def test_a_ring_sends_each_part_round_twice(processes: int, seconds: float) -> None:
    assert all_reduce_s(1000, processes, 1e6, 1e-3) == pytest.approx(seconds)


def test_more_processes_and_slower_links_reach_less() -> None:
    head, *lines = expected(0.01, 110_592)
    assert head.split()[1:] == [str(each) for each in MANY]
    shares = [[float(word) for word in line.split()[-len(MANY) :]] for line in lines]
    assert len(shares) == len(LINKS)
    assert all(row == sorted(row, reverse=True) for row in shares)
    assert all(first[-1] < last[-1] for first, last in itertools.pairwise(shares))
