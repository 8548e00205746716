# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of the warm start: seconds to the same score from grey, from noise and from an earlier patch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from torch import Tensor

from engine.benchmark.rows import exact_row, median_row
from engine.benchmark.sides import CLAIMED_SHORTER, EARLIER, GREY, MAKING, SHORTER, TARGET
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import SEEDS, Trials, seconds_each
from engine.patch.initial import initial_patch
from engine.records import ImageRecord, Measurement

NOISE = "noise"
LOOKS = 4  # how often a run is scored on its way

Course = list[tuple[float, float]]  # (seconds, ASR) on a run's way


class _Stopwatch:
    """Seconds that go on only while it is not stopped."""

    def __init__(self) -> None:
        self._stopped_s = 0.0

    def __call__(self) -> float:
        return time.perf_counter() - self._stopped_s

    def leave_out(self, seconds: float) -> None:
        """Take back seconds that have just gone by."""
        self._stopped_s += seconds


def warm_start_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part: the earlier patch is made on half of the training images, the courses run on the other."""
    return [Part(key="courses", measure=lambda report: _courses(Trials(subject), scale, report))]


def _courses(trials: Trials, scale: Scale, report: Report) -> list[Measurement]:
    records, config = trials.training.records, trials.training.config
    half = max(len(records) // 2, 1)
    limit_s = seconds_each(scale, 3 * SEEDS + 1)
    earlier = trials.train(records=records[:half], time_limit_s=limit_s, seed=config.seed + SEEDS)
    report(f"Made the earlier patch in {earlier.elapsed_s:.0f} s")
    courses: dict[str, list[Course]] = {GREY: [], NOISE: [], EARLIER: []}
    for turn in range(SEEDS):
        seed = config.seed + turn
        starts = {
            name: initial_patch(name, config.patch_height, config.patch_width, seed) for name in (GREY, NOISE)
        }
        starts[EARLIER] = earlier.patch_chw
        for name in [*starts][turn:] + [*starts][:turn]:
            courses[name].append(_course(trials, records[-half:], starts[name], limit_s, seed))
            report(f"From {name}, seed {turn + 1} of {SEEDS}: ASR {courses[name][-1][-1][1]:.3f}")
    return _rows(courses, earlier.elapsed_s)


def _course(
    trials: Trials, records: Sequence[ImageRecord], start: Tensor, limit_s: float, seed: int
) -> Course:
    """A run's score at its beginning and on its way; scoring does not count as its time."""
    watch = _Stopwatch()
    course = [(0.0, trials.score(start).asr.value)]
    run = trials.training.over(records).run(start=start, clock=watch, seed=seed, time_limit_s=limit_s)
    for record in run.iterate():
        if record.elapsed_s >= limit_s * len(course) / LOOKS:
            began_s = time.perf_counter()
            course.append((record.elapsed_s, trials.score(run.state.patch_chw).asr.value))
            watch.leave_out(time.perf_counter() - began_s)
    if course[-1][0] < run.state.elapsed_s:
        course.append((run.state.elapsed_s, trials.score(run.state.patch_chw).asr.value))
    return course


def _rows(courses: Mapping[str, Sequence[Course]], making_s: float) -> list[Measurement]:
    """Seconds of each start to the best score that all starts of one seed reach."""
    turns = range(len(courses[GREY]))
    targets = [min(max(asr for _, asr in course[turn]) for course in courses.values()) for turn in turns]
    seconds = {
        name: [_seconds_to(course[turn], targets[turn]) for turn in turns] for name, course in courses.items()
    }
    rows = [median_row(name, values, "s", seeds=len(values)) for name, values in seconds.items()]
    for name, course in courses.items():
        rows.append(median_row(f"{name}, at the end", [each[-1][1] for each in course], "ASR"))
    pairs = zip(seconds[EARLIER], seconds[GREY], strict=True)
    saved = [1 - warm / cold if cold else math.nan for warm, cold in pairs]
    return [
        *rows,
        median_row(TARGET, targets, "ASR to reach"),
        median_row(SHORTER, saved, "share", claimed=CLAIMED_SHORTER),
        exact_row(MAKING, making_s, "s before"),
    ]


def _seconds_to(course: Course, target: float) -> float:
    """The seconds after which the score was first seen to be reached; NaN if it never was."""
    return next((seconds for seconds, asr in course if asr >= target), math.nan)
