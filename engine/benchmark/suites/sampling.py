# SPDX-License-Identifier: AGPL-3.0-only
"""Uniform and balanced sampling at equal image-iterations, over all images and by object count."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

UNIFORM, BALANCED = "uniform", "balanced"
MOST_OBJECTS = 3  # images with so many objects or more are scored together: there are few of them
STRONGER = Claim(
    key="stronger",
    holds="Balanced sampling makes a stronger patch",
    fails="Balanced sampling makes no stronger patch",
    direction=-1,
)
BY_COUNT = Claim(key="by count", holds="It is stronger there", fails="It is no stronger there", direction=-1)


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials, Way, rows_of, strength_rows

    trials = Trials(subject, scale.scored, report)
    ways = [
        Way(
            side={"sampling": sampling},
            make=partial(trials.made, iterations=scale.iterations, sampling=sampling),
            claim=claim,
        )
        for sampling, claim in ((UNIFORM, None), (BALANCED, STRONGER))
    ]
    outcomes = trials.contest(ways, report=report, seeds=scale.seeds)
    rows = rows_of(ways, outcomes)
    groups: dict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(trials.held_out):
        groups[min(record.count(), MOST_OBJECTS)].append(index)
    groups.pop(0, None)  # without objects there is nothing to hide
    for count, images in sorted(groups.items()):
        objects = {"objects": f"{count}+" if count == MOST_OBJECTS else count}
        uniform, balanced = (
            ({**way.side, **objects}, results) for way, results in zip(ways, outcomes, strict=True)
        )
        rows += strength_rows(balanced, uniform, BY_COUNT, images=images)[:1]
    return rows


SUITES.add(
    Suite(
        name="sampling",
        question="Does balanced sampling make a patch more robust?",
        source="“more robust”",
        claims=(STRONGER, BY_COUNT),
        parts={"score": _scores},
        names=(UNIFORM, BALANCED),
    )
)
