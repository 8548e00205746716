# SPDX-License-Identifier: AGPL-3.0-only
"""Suites of strength at equal image-iterations: merge, sampling and accumulate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.benchmark.memory import peak_memory
from engine.benchmark.rows import (
    exact_row,
    median_row,
    ratio_row,
)
from engine.benchmark.sides import ACCUMULATED, AGREEMENT, BALANCED, BIG, DIFFERENCE, TIMES_BIG, UNIFORM
from engine.benchmark.speed import measure_rates
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import Outcome, Trials, iterations_of, score_rows
from engine.records import ImageRecord, Measurement

SHARED, AVERAGED = "one shared patch", "averaged patches"
MOST_OBJECTS = 3  # images with so many objects or more are scored together: there are few of them
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
    return [*rows, median_row(AGREEMENT, agreements, "cosine")]


def _agreement(patches: Sequence[Tensor]) -> float:
    """The mean cosine between what each two patches changed of grey; 1 where there is one patch only."""
    changes = [(patch - 0.5).flatten() for patch in patches]
    pairs = [float(F.cosine_similarity(a, b, dim=0)) for a, b in combinations(changes, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0


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


def accumulate_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Speed in turn; the two gradients of the same images; memory; score at equal image-iterations."""

    def speed(report: Report) -> list[Measurement]:
        figures = measure_rates(subject, ACCUMULATE, scale, report)
        return [ratio_row(ACCUMULATED, figures[ACCUMULATED], figures[BIG], TIMES_BIG)]

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
    return [*rows, median_row(DIFFERENCE, distances, "colour range")]
