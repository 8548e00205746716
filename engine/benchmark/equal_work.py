# SPDX-License-Identifier: AGPL-3.0-only
"""Suites of strength at equal image-iterations: merge, sampling and accumulate."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.benchmark.memory import peak_memory
from engine.benchmark.rows import (
    NO_DIFFERENCE,
    apart,
    best_of,
    exact_row,
    figures_of,
    median_row,
    ratio_row,
    row_of,
    times,
)
from engine.benchmark.speed import measure_rates
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import Outcome, Trials, iterations_of, score_rows
from engine.records import ImageRecord, Measurement

__all__ = [
    "accumulate_answer",
    "accumulate_parts",
    "merge_answer",
    "merge_parts",
    "sampling_answer",
    "sampling_parts",
]

SHARED, AVERAGED = "one shared patch", "averaged patches"
UNIFORM, BALANCED = "uniform", "balanced"
MOST_OBJECTS = 3  # images with so many objects or more are scored together: there are few of them
BIG, ACCUMULATED = "batch 32", "4 x batch 8"
ACCUMULATE: dict[str, dict[str, Any]] = {
    BIG: {"batch_size": 32, "accumulate": 1},
    ACCUMULATED: {"batch_size": 8, "accumulate": 4},
}


def merge_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part: a shared patch and the average of one a group, from equal image-iterations."""
    return [Part(key="score", measure=lambda report: _merge(Trials(subject), iterations_of(scale), report))]


def _merge(trials: Trials, iterations: int, report: Report) -> list[Measurement]:
    agreements: list[float] = []

    def averaged(seed: int) -> Outcome:
        groups: dict[int, list[ImageRecord]] = defaultdict(list)
        for record in trials.training.records:
            groups[record.count()].append(record)
        states = [trials.train(records=group, iterations=iterations, seed=seed) for group in groups.values()]
        agreements.append(_agreement([state.patch_chw for state in states]))
        images = torch.tensor([float(len(group)) for group in groups.values()])
        weights = (images / images.sum())[:, None, None, None]
        patch = (torch.stack([state.patch_chw for state in states]) * weights).sum(dim=0)
        return Outcome(
            patch_chw=patch,
            scores=trials.score(patch),
            elapsed_s=sum(state.elapsed_s for state in states),
            image_iterations=sum(state.image_iterations for state in states),
        )

    sides = {
        SHARED: lambda seed: trials.judged(trials.train(iterations=iterations, seed=seed)),
        AVERAGED: averaged,
    }
    outcomes = trials.contest(sides, report=report)
    rows = [row for side, results in outcomes.items() for row in score_rows(side, results)]
    return [*rows, median_row("agreement of the groups' patches", agreements, "cosine")]


def _agreement(patches: Sequence[Tensor]) -> float:
    """The mean cosine between what each two patches changed of grey; 1 where there is one patch only."""
    changes = [(patch - 0.5).flatten() for patch in patches]
    pairs = [float(F.cosine_similarity(a, b, dim=0)) for a, b in combinations(changes, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0


def merge_answer(measurements: Sequence[Measurement]) -> str:
    """Which is stronger, and how far the groups' patches agree."""
    agreement = row_of(measurements, "agreement of the groups' patches", "cosine")
    words = best_of(figures_of(measurements, "ASR"), "ASR")
    tail = f"; the groups' patches agree by a cosine of {agreement.figure.value:.2f}" if agreement else ""
    return f"At equal image-iterations, {words}{tail}."


def sampling_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part: uniform and balanced sampling from equal image-iterations, scored by object count."""
    return [
        Part(key="score", measure=lambda report: _sampling(Trials(subject), iterations_of(scale), report))
    ]


def _sampling(trials: Trials, iterations: int, report: Report) -> list[Measurement]:
    def side(sampling: str) -> Callable[[int], Outcome]:
        return lambda seed: trials.judged(trials.train(iterations=iterations, sampling=sampling, seed=seed))

    outcomes = trials.contest({name: side(name) for name in (UNIFORM, BALANCED)}, report=report)
    rows = [row for name, results in outcomes.items() for row in score_rows(name, results)]
    groups: dict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(trials.held_out):
        groups[min(record.count(), MOST_OBJECTS)].append(index)
    for objects, indices in sorted(groups.items()):
        judge = trials.judge_of(indices)
        for name, results in outcomes.items():
            scores = [judge.score(outcome.patch_chw).asr.value for outcome in results]
            rows.append(
                median_row(
                    f"{name}, {_objects(objects)}",
                    scores,
                    "ASR",
                    sampling=name,
                    objects=objects,
                    images=len(indices),
                )
            )
        report(f"Scored images with {_objects(objects)}")
    return rows


def _objects(count: int) -> str:
    if count >= MOST_OBJECTS:
        return f"{MOST_OBJECTS} objects or more"
    return f"{count} object{'s' * (count != 1)}"


def sampling_answer(measurements: Sequence[Measurement]) -> str:
    """Whether balanced sampling is stronger over all images, and at which object counts."""
    by_count = figures_of([row for row in measurements if "objects" in row.settings], "ASR")
    clauses = []
    for side, uniform in by_count.items():
        name, _, objects = side.partition(", ")
        balanced = by_count.get(f"{BALANCED}, {objects}")
        if name != UNIFORM or balanced is None:
            continue
        verdict = "" if apart(uniform, balanced) else f", {NO_DIFFERENCE}"
        clauses.append(f"{objects}: {balanced.value:.2f} against {uniform.value:.2f}{verdict}")
    overall = best_of(
        figures_of([row for row in measurements if "objects" not in row.settings], "ASR"), "ASR"
    )
    return f"Over all images {overall}; balanced against uniform by object count: {'; '.join(clauses)}."


def accumulate_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Speed in turn; the two gradients of the same images; memory; score at equal image-iterations."""

    def speed(report: Report) -> list[Measurement]:
        figures = measure_rates(subject, ACCUMULATE, scale, report)
        return [ratio_row(ACCUMULATED, figures[ACCUMULATED], figures[BIG], "times the speed of batch 32")]

    def memory(report: Report) -> list[Measurement]:
        rows = [
            exact_row(side, peak_memory(subject, **changes), "bytes", **changes)
            for side, changes in ACCUMULATE.items()
        ]
        report(", ".join(f"{row.side}: {row.figure.value / 1e9:.2f} GB" for row in rows))
        return rows

    return [
        Part(key="speed", measure=speed),
        Part(key="memory", measure=memory),
        Part(key="score", measure=lambda report: _accumulate(Trials(subject), iterations_of(scale), report)),
    ]


def _accumulate(trials: Trials, iterations: int, report: Report) -> list[Measurement]:
    def side(changes: Mapping[str, Any]) -> Callable[[int], Outcome]:
        return lambda seed: trials.judged(trials.train(iterations=iterations, seed=seed, **changes))

    outcomes = trials.contest({name: side(each) for name, each in ACCUMULATE.items()}, report=report)
    rows = [
        row for name, results in outcomes.items() for row in score_rows(name, results, **ACCUMULATE[name])
    ]
    pairs = zip(outcomes[BIG], outcomes[ACCUMULATED], strict=True)
    distances = [float((big.patch_chw - small.patch_chw).abs().mean()) for big, small in pairs]
    return [*rows, median_row("mean difference of the two patches", distances, "colour range")]


def accumulate_answer(measurements: Sequence[Measurement]) -> str:
    """Whether the score is the same, and what it costs in speed and saves in memory."""
    clauses = [f"at equal image-iterations {best_of(figures_of(measurements, 'ASR'), 'ASR')}"]
    speed = row_of(measurements, ACCUMULATED, "times the speed of batch 32")
    if speed is not None:
        clauses.append(f"4 x 8 does {times(speed.figure)} the speed of batch 32")
    peaks = figures_of(measurements, "bytes")
    if len(peaks) == len(ACCUMULATE):
        clauses.append(f"takes {peaks[ACCUMULATED].value / peaks[BIG].value:.2f} of its memory")
    difference = row_of(measurements, "mean difference of the two patches", "colour range")
    if difference is not None and not math.isnan(difference.figure.value):
        clauses.append(f"and the two patches differ by {difference.figure.value:.2g} of the colour range")
    return f"Accumulation against a big batch: {', '.join(clauses)}."
