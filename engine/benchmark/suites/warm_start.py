# SPDX-License-Identifier: AGPL-3.0-only
"""Seconds to the same score from grey, from noise and from an earlier patch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.measurements import Axes

if TYPE_CHECKING:
    from torch import Tensor

    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Trials
    from engine.evaluation.runner import PatchJudge
    from engine.records import ImageRecord

GREY, NOISE, EARLIER = "grey", "noise", "an earlier patch"
LOOKS = 4  # how often a run is scored on its way
LOOKED_AT = 100  # images at each look, where there are so many
SHORTER = Claim(
    key="shorter",
    holds="An earlier patch speeds up convergence",
    fails="An earlier patch does not speed up convergence",
    direction=-1,
    expected=(0.3, 0.5),  # 50 to 70% shorter
)

Course = list[tuple[float, float]]
"""(seconds, confidence retained) on a run's way."""


class _Stopwatch:
    """Seconds, without those that are taken out."""

    def __init__(self) -> None:
        self._stopped_s = 0.0

    def __call__(self) -> float:
        return time.perf_counter() - self._stopped_s

    def leave_out(self, seconds: float) -> None:
        """Take out seconds that have just gone by."""
        self._stopped_s += seconds


def _courses(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials
    from engine.patch.initial import initial_patch

    trials = Trials(subject, scale.scored, report)
    judge = trials.judge_of(range(min(LOOKED_AT, len(trials.held_out))))
    records, config = trials.training.records, trials.training.config
    half = max(len(records) // 2, 1)
    limit_s = scale.compared_s / (3 * scale.seeds + 1)
    earlier = trials.train(records=records[:half], time_limit_s=limit_s, seed=config.seed + scale.seeds)
    report(f"Generated the earlier patch in {earlier.elapsed_s:.0f} s")
    courses: dict[str, list[Course]] = {GREY: [], NOISE: [], EARLIER: []}
    for turn in range(scale.seeds):
        seed = config.seed + turn
        starts = {
            name: initial_patch(name, config.patch_height, config.patch_width, seed) for name in (GREY, NOISE)
        }
        starts[EARLIER] = earlier.patch_chw
        names = [*starts]
        for name in names[turn % 3 :] + names[: turn % 3]:
            courses[name].append(_course(trials, judge, records[-half:], starts[name], limit_s, seed))
            last = courses[name][-1][-1][1]
            report(f"From {name}, seed {turn + 1} of {scale.seeds}: confidence retained {last:.3f}")
    return _rows(courses, earlier.elapsed_s)


def _course(
    trials: Trials,
    judge: PatchJudge,
    records: Sequence[ImageRecord],
    start: Tensor,
    limit_s: float,
    seed: int,
) -> Course:
    """A run's score at its beginning and on its way; scoring does not count as its time."""
    watch = _Stopwatch()
    course = [(0.0, judge.score(start).confidence_retained.value)]
    run = trials.training.over(records).run(start=start, clock=watch, seed=seed, time_limit_s=limit_s)
    for record in run.iterate():
        if record.elapsed_s >= limit_s * len(course) / LOOKS:
            began_s = time.perf_counter()
            score = judge.score(run.state.patch_chw)
            course.append((record.elapsed_s, score.confidence_retained.value))
            watch.leave_out(time.perf_counter() - began_s)
    if course[-1][0] < run.state.elapsed_s:
        score = judge.score(run.state.patch_chw)
        course.append((run.state.elapsed_s, score.confidence_retained.value))
    return course


def _rows(courses: Mapping[str, Sequence[Course]], making_s: float) -> list[Row]:
    """Seconds of each start to the best score that all starts of one seed reach."""
    turns = range(len(courses[GREY]))
    targets = [max(min(score for _, score in course[turn]) for course in courses.values()) for turn in turns]
    seconds = {
        name: [seconds_to(course[turn], targets[turn]) for turn in turns] for name, course in courses.items()
    }
    sides: dict[str, Axes] = {name: {"start": name} for name in courses}
    rows: list[Row] = [measured(sides[name], "s", values) for name, values in seconds.items()]
    for name, course in courses.items():
        rows.append(measured(sides[name], "confidence retained", [each[-1][1] for each in course]))
    rows.append(measured({"": "making the earlier patch"}, "s", making_s))
    return [
        *rows,
        ratio(sides[EARLIER], sides[GREY], "s", (seconds[EARLIER], seconds[GREY]), SHORTER),
        ratio(sides[NOISE], sides[GREY], "s", (seconds[NOISE], seconds[GREY])),
    ]


def seconds_to(course: Course, target: float) -> float:
    """The seconds after which a score at most the target was first seen; NaN if it never was.

    Between two looks, the score is taken to change evenly.
    """
    before = course[0]
    for seconds, score in course:
        if score <= target:
            drop = before[1] - score
            share = (before[1] - target) / drop if drop > 0 else 1.0
            return before[0] + share * (seconds - before[0])
        before = seconds, score
    return math.nan


SUITES.add(
    Suite(
        name="warm-start",
        question="Does a pretrained patch speed up convergence?",
        source="50 to 70% shorter",
        claims=(SHORTER,),
        parts={"courses": _courses},
        names=(GREY, NOISE, EARLIER, "making the earlier patch"),
    )
)
