# SPDX-License-Identifier: AGPL-3.0-only
"""A run's step beside the bare pass of the detector, rendering alone and loading alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

VIEWS, WHOLE = "views", "whole images"
STEP, BARE, SCORES = "step", "bare pass", "bare pass without the box branch, in threads"
RENDERING, LOADING = "rendering alone", "loading alone"
CLOSE = Claim(
    key="close",
    holds="A step is as fast as the bare pass",
    fails="A step is slower than the bare pass",
    expected=(0.85, math.inf),
    within=True,
)
SMALL = Claim(
    key="small",
    holds="It takes at most a tenth of a step",
    fails="It takes more than a tenth of a step",
    expected=(-math.inf, 0.1),
    within=True,
)


def _measure(view: str, subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.step import StepBench
    from engine.benchmark.timing import alternate, device_seconds

    changes: dict[str, Any] = {"view_size": 0} if view == WHOLE else {}
    run, size = subject.run(**changes), subject.config.batch_size
    indices = [index % len(subject.records) for index in range(size)]
    bench = StepBench.of(subject, run, indices)
    repeats = max(scale.images // size, 1)

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def repeated() -> None:
            for _ in range(repeats):
                work()

        return lambda: device_seconds(repeated, bench.images_nchw.device) / (repeats * size)

    with closing(run.iterate()) as steps:
        ways = {
            STEP: lambda: 1 / subject.rate_of(steps, repeats * size),
            BARE: timed(bench.bare),
            SCORES: timed(bench.bare_scores),
            RENDERING: timed(bench.render),
            LOADING: timed(lambda: next(run.batches([indices]))),
        }
        figures = alternate(ways, rounds=scale.rounds, report=report)
    sides = {name: {"of": name, "view": view} for name in figures}
    pixels = bench.images_nchw.shape[-1]
    time, step = "s/image", figures[STEP]
    return [
        *(measured(sides[name], time, samples, canvas_px=pixels) for name, samples in figures.items()),
        # The speed of a step over that of a pass is the time of the pass over that of a step.
        *(
            ratio(sides[STEP], sides[name], "image-iterations/s", (figures[name], step), CLOSE)
            for name in (BARE, SCORES)
        ),
        *(
            ratio(sides[name], sides[STEP], time, (figures[name], step), SMALL, unit="share")
            for name in (RENDERING, LOADING)
        ),
    ]


SUITES.add(
    Suite(
        name="floor",
        question="How far is the engine from the hardware's limit?",
        claims=(CLOSE, SMALL),
        parts={view: partial(_measure, view) for view in (VIEWS, WHOLE)},
        names=(STEP, BARE, SCORES, RENDERING, LOADING, VIEWS, WHOLE),
        on_cuda="device time by events",
    )
)
