# SPDX-License-Identifier: AGPL-3.0-only
"""Warm start: seconds to the same score."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from engine.benchmark.suites import warm_start
from engine.benchmark.trials import Trials
from engine.measurements import Comparison
from tests.engine.benchmark.factories import interval
from tests.engine.benchmark.suites.running import measure

STARTS = ["grey", "noise", "an earlier patch"]


def test_three_starts_are_timed_to_one_score(subject, scale):
    rows = measure("warm-start", subject, scale)
    assert rows.sides("s") == [*STARTS, "making the earlier patch"]
    assert rows.sides("confidence retained") == STARTS
    limit_s = scale.compared_s / (3 * scale.seeds + 1)
    assert all(
        0 <= each < limit_s + 5 for row in rows.measurements if row.metric == "s" for each in row.samples
    )
    assert rows.pairs("shorter") == [("an earlier patch", "grey")]
    assert rows.of("shorter")[0].claimed == (0.3, 0.5)
    assert [row.side["start"] for row in rows.comparisons] == ["an earlier patch", "noise"]


def test_scoring_does_not_count_as_time(subject, monkeypatch):
    trials = Trials(subject, 2, print)
    now = [0.0]
    monkeypatch.setattr(warm_start.time, "perf_counter", lambda: now[0])

    class SlowJudge:
        def score(self, patch_chw):
            now[0] += 100.0
            return SimpleNamespace(confidence_retained=interval(0.5))

    class Run:
        state = SimpleNamespace(patch_chw=None, elapsed_s=0.0)

        def __init__(self, clock):
            self.clock, self.began = clock, clock()

        def iterate(self):
            while self.state.elapsed_s < 6:
                now[0] += 1.0
                self.state.elapsed_s = self.clock() - self.began
                yield self.state

    monkeypatch.setattr(type(subject), "run", lambda self, clock, **rest: Run(clock))
    course = warm_start._course(trials, SlowJudge(), subject.records, None, 6.0, 0)
    assert [seconds for seconds, _ in course] == [0, 2, 3, 5, 6]


@pytest.mark.parametrize(
    ("course", "target", "seconds"),
    [
        ([(0, 0.9)], 0.5, math.nan),
        ([(0, 0.9), (5, 0.6)], 0.5, math.nan),
        ([(0, math.nan), (5, math.nan)], 0.5, math.nan),
        ([(0, 0.5), (5, 0.4)], 0.5, 0),
        ([(0, 0.9), (5, 0.5), (9, 0.1)], 0.5, 5),
        ([(0, 0.9), (4, 0.7), (8, 0.3)], 0.5, 6),  # evenly between two looks
        ([(0, 0.6), (4, 0.8), (8, 0.4)], 0.5, 7),
    ],
)
def test_seconds_to_a_score(course, target, seconds):
    assert warm_start.seconds_to(course, target) == pytest.approx(seconds, nan_ok=True)


def test_all_starts_reach_the_score_that_they_are_timed_to():
    courses = {
        "grey": [[(0, 0.9), (4, 0.5)]],
        "noise": [[(0, 1.0), (4, 0.7), (8, 0.6)]],
        "an earlier patch": [[(0, 0.8), (2, 0.3)]],
    }
    measurements, comparisons = {}, {}
    for row in warm_start._rows(courses, 10.0):
        if isinstance(row, Comparison):
            comparisons[row.side["start"]] = row
        else:
            measurements[row.side.get("start", ""), row.metric] = row.figure.value
    # The best that all reach is 0.6.
    assert [measurements[name, "s"] for name in STARTS] == pytest.approx([3, 8, 0.8])
    assert [measurements[name, "confidence retained"] for name in STARTS] == [0.5, 0.6, 0.3]
    assert measurements["", "s"] == 10
    assert comparisons["an earlier patch"].effect.value == pytest.approx(0.8 / 3)
    assert comparisons["an earlier patch"].outcome == "larger"
    assert comparisons["noise"].outcome == ""
