# SPDX-License-Identifier: AGPL-3.0-only
"""Four batches of 8 a step beside one of 32: speed, memory, strength at equal image-iterations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import RATE, measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

BIG, ACCUMULATED = {"batches": "batch 32"}, {"batches": "4 x batch 8"}
SETTINGS: dict[str, dict[str, Any]] = {
    "batch 32": {"batch_size": 32, "accumulate": 1},
    "4 x batch 8": {"batch_size": 8, "accumulate": 4},
}
SAME = Claim(
    key="same",
    holds="Accumulation is as strong as a big batch",
    fails="Accumulation is not as strong as a big batch",
    expected=(-0.05, 0.05),
    within=True,
)
SPEED = Claim(key="speed", holds="It is slower", fails="It is not slower", direction=-1)
MEMORY = Claim(key="memory", holds="It saves memory", fails="It saves no memory", direction=-1)


def _speed(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.speed import measure_rates

    big, accumulated = measure_rates(subject, SETTINGS, scale, report).values()
    return [
        measured(BIG, RATE, big),
        measured(ACCUMULATED, RATE, accumulated),
        ratio(ACCUMULATED, BIG, RATE, (accumulated, big), SPEED),
    ]


def _memory(subject: Subject, _scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.memory import peak_memory

    big, accumulated = (peak_memory(subject, **changes) for changes in SETTINGS.values())
    report(f"batch 32: {big / 1e9:.2f} GB, 4 x batch 8: {accumulated / 1e9:.2f} GB")
    return [
        measured(BIG, "bytes", big),
        measured(ACCUMULATED, "bytes", accumulated),
        ratio(ACCUMULATED, BIG, "bytes", (accumulated, big), MEMORY),
    ]


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials, Way, rows_of

    trials = Trials(subject, scale.scored, report)
    ways = [
        Way(
            side=side,
            make=partial(trials.made, iterations=scale.iterations, **SETTINGS[side["batches"]]),
            claim=claim,
        )
        for side, claim in ((BIG, None), (ACCUMULATED, SAME))
    ]
    outcomes = trials.contest(ways, report=report, seeds=scale.seeds)
    pairs = zip(*outcomes, strict=True)
    distances = [float((one.patch_chw - other.patch_chw).abs().mean()) for one, other in pairs]
    return [
        *rows_of(ways, outcomes),
        measured({"": "mean difference of the two patches"}, "colour range", distances),
    ]


SUITES.add(
    Suite(
        name="accumulate",
        question="Is accumulation the same as a big batch?",
        source="“simulates a big batch”",
        claims=(SAME, SPEED, MEMORY),
        parts={"speed": _speed, "memory": _memory, "score": _scores},
        names=("batch 32", "4 x batch 8", "mean difference of the two patches"),
        on_cuda="peak device memory and device time by events",
    )
)
