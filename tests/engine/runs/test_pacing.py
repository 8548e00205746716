# SPDX-License-Identifier: AGPL-3.0-only
"""What takes time away is done regularly, and seldom where it costs much."""

from __future__ import annotations

import pytest

from engine.runs.pacing import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("cost", "next_due"), [(0.0, 2.0), (0.01, 2.0), (0.05, 5.0), (3.0, 60.0)])
def test_the_wait_grows_with_the_cost(cost: float, next_due: float) -> None:
    clock = Clock()
    pace = Pace(2.0, share=0.01, at_latest_s=60, at_once=True, clock=clock)
    assert pace.due()
    with pace.spent():
        clock.now = cost
    clock.now = cost + next_due - 0.001
    assert not pace.due()
    clock.now = cost + next_due + 0.001
    assert pace.due()


def test_it_may_begin_with_a_wait() -> None:
    clock = Clock()
    pace = Pace(30.0, share=0.01, at_latest_s=5, clock=clock)
    assert not pace.due()
    clock.now = 30.0
    assert pace.due()


def test_a_failure_counts_too() -> None:
    clock = Clock()
    pace = Pace(1.0, share=0.5, at_latest_s=60, at_once=True, clock=clock)
    with pytest.raises(ValueError, match="no"), pace.spent():
        raise ValueError("no")
    assert not pace.due()
