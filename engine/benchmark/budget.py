# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of the budget: what iterations, images, patch size and learning rate buy, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from engine.benchmark.rows import RATE, median_row
from engine.benchmark.sides import BUDGET_AXES, BY_THE_RATE, CLAIMED_S
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate
from engine.benchmark.trials import SEEDS, Outcome, Trials, iterations_of, score_rows
from engine.records import ImageRecord, Measurement

ONE_SEED_BELOW_S = 300  # of the scale: a short benchmark tries each point once
FEW_IMAGES, MANY_IMAGES = 10, 100
TEXELS = (100, 150, 200)
LEARNING_RATES = (0.003, 0.01, 0.03)

Way = tuple[dict[str, Any], Sequence[ImageRecord]]


def budget_parts(subject: Subject, scale: Scale) -> list[Part]:
    """The times by the measured rate, then one part for each axis."""
    base = iterations_of(scale)

    def axis(name: str) -> Part:
        def measure(report: Report) -> list[Measurement]:
            trials = Trials(subject)
            return _axis(trials, name, _ways(trials.training.records, name, base), scale, report)

        return Part(key=name, measure=measure)

    return [Part(key="time", measure=lambda report: _times(subject, scale, report)), *map(axis, BUDGET_AXES)]


def _times(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    """Seconds of whole runs: nothing is run for so long, the measured rate is divided into their work."""
    with closing(subject.run().iterate()) as steps:
        rates = alternate(
            {RATE: lambda: subject.rate_of(steps, scale.images)}, rounds=scale.rounds, report=report
        )
    claims = CLAIMED_S["cuda" if subject.detector.device.type == "cuda" else "cpu"]
    return [
        median_row("the default settings", rates[RATE], RATE),
        *(
            median_row(
                f"{images} images x {iterations} iterations",
                [images * iterations / rate for rate in rates[RATE]],
                BY_THE_RATE,
                claimed=claimed,
                images=images,
                iterations=iterations,
            )
            for (images, iterations), claimed in claims.items()
        ),
    ]


def _ways(records: Sequence[ImageRecord], axis: str, base: int) -> dict[str, Way]:
    """Point → changed settings and images, all at equal image-iterations but for the first axis."""
    if axis == "iterations":
        points = dict.fromkeys((max(base // 3, 1), base, 2 * base))
        return {f"{point} iterations": ({"iterations": point}, records) for point in points}
    if axis == "images":
        points = dict.fromkeys(min(count, len(records)) for count in (FEW_IMAGES, MANY_IMAGES))
        work = base * len(records)
        return {
            f"{count} images": ({"iterations": max(round(work / count), 1)}, _some(records, count))
            for count in points
        }
    if axis == "texels":
        return {
            f"{size} texels": ({"iterations": base, "patch_height": size, "patch_width": size}, records)
            for size in TEXELS
        }
    return {
        f"learning rate {rate:g}": ({"iterations": base, "learning_rate": rate}, records)
        for rate in LEARNING_RATES
    }


def _some(records: Sequence[ImageRecord], count: int) -> list[ImageRecord]:
    chosen = np.random.default_rng(0).permutation(len(records))[:count].tolist()
    return [records[index] for index in sorted(chosen)]


def _axis(
    trials: Trials, axis: str, ways: Mapping[str, Way], scale: Scale, report: Report
) -> list[Measurement]:
    def side(changes: Mapping[str, Any], records: Sequence[ImageRecord]) -> Callable[[int], Outcome]:
        return lambda seed: trials.judged(trials.train(records=records, seed=seed, **changes))

    seeds = 1 if scale.seconds < ONE_SEED_BELOW_S else SEEDS
    outcomes = trials.contest({name: side(*way) for name, way in ways.items()}, report=report, seeds=seeds)
    return [
        row
        for name, results in outcomes.items()
        for row in score_rows(name, results, axis=axis, **ways[name][0])
    ]
