# SPDX-License-Identifier: AGPL-3.0-only
"""Warm start: courses to the same score."""

from __future__ import annotations

import math

import pytest

from engine.benchmark import warm_start
from engine.benchmark.trials import Trials
from tests.engine.benchmark.factories import measured, row, sides

STARTS = ["grey", "noise", "an earlier patch"]


def test_three_starts_are_timed_to_one_score(subject, scale):
    rows = measured(warm_start.warm_start_parts(subject, scale), "warm-start")
    assert sides(rows, "s") == STARTS
    assert sides(rows, "ASR") == [f"{name}, at the end" for name in STARTS]
    assert all(0 <= each.figure.value <= scale.seconds for each in rows if each.unit == "s")


def test_scoring_does_not_count_as_time(subject, monkeypatch):
    trials = Trials(subject)
    now = [0.0]
    monkeypatch.setattr(warm_start.time, "perf_counter", lambda: now[0])

    class Scored:
        asr = row("a", 0.5, "ASR").figure

    def slow_judge(patch_chw):
        now[0] += 100.0
        return Scored

    class Run:
        state = type("State", (), {"patch_chw": None, "elapsed_s": 0.0})()

        def __init__(self, clock):
            self.clock, self.began = clock, clock()

        def iterate(self):
            while self.state.elapsed_s < 6:
                now[0] += 1.0
                self.state.elapsed_s = self.clock() - self.began
                yield self.state

    monkeypatch.setattr(trials, "score", slow_judge)
    monkeypatch.setattr(type(subject), "run", lambda self, clock, **rest: Run(clock))
    course = warm_start._course(trials, subject.records, None, 6.0, 0)
    assert [seconds for seconds, _ in course] == [0, 2, 3, 5, 6]


@pytest.mark.parametrize(
    ("course", "target", "seconds"),
    [
        ([], 0.5, math.nan),
        ([(0, 0.1), (5, 0.4)], 0.5, math.nan),
        ([(0, 0.5), (5, 0.4)], 0.5, 0),
        ([(0, 0.1), (5, 0.6), (9, 0.9)], 0.5, 5),
    ],
)
def test_seconds_to_a_score(course, target, seconds):
    assert warm_start._seconds_to(course, target) == pytest.approx(seconds, nan_ok=True)


def test_all_starts_reach_the_score_that_they_are_timed_to():
    courses = {
        "grey": [[(0, 0.1), (4, 0.5)]],
        "noise": [[(0, 0.0), (4, 0.3), (8, 0.4)]],
        "an earlier patch": [[(0, 0.2), (2, 0.7)]],
    }
    rows = {(each.side, each.unit): each for each in warm_start._rows(courses, 10.0)}
    assert rows["the score to reach", "ASR to reach"].figure.value == 0.4
    assert [rows[name, "s"].figure.value for name in STARTS] == [4, 8, 2]
    saved = rows["time saved by an earlier patch", "share"]
    assert (saved.figure.value, saved.claimed) == (0.5, 0.6)
    assert rows["making the earlier patch", "s before"].figure.value == 10
