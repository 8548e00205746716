# SPDX-License-Identifier: AGPL-3.0-only
"""What iterations, images, patch size and learning rate buy, and how long whole runs take."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import RATE, measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.records import ImageRecord

FEW_IMAGES = 10
TEXELS = 192
LEARNING_RATE_FACTOR = 3
CLAIMED_S = {
    "cpu": {(10, 50): (20 * 60, 30 * 60), (100, 500): (30 * 3600, 50 * 3600)},
    "cuda": {(10, 50): (2 * 60, 3 * 60), (100, 500): (3 * 3600, 4 * 3600)},
}
"""Device → (images, iterations) → lowest and highest time claimed, in seconds."""

TIME = Claim(
    key="time",
    holds="Runs take as long as claimed",
    fails="Runs do not take as long as claimed",
    expected=(0.8, 1.2),
    within=True,
)


def _stronger(key: str, subject: str) -> Claim:
    return Claim(
        key=key,
        holds=f"{subject} make a stronger patch",
        fails=f"{subject} make no stronger patch",
        direction=-1,
    )


ITERATIONS = _stronger("iterations", "Twice the iterations")
IMAGES = _stronger("images", "All images in place of ten")
SIZE = _stronger("texels", "Twice the texels")
RATES = _stronger("learning rate", "Three times larger steps")


def _times(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """Seconds of whole runs: nothing is run for so long, the measured rate is divided into their work."""
    from engine.benchmark.timing import alternate

    with closing(subject.run().iterate()) as steps:
        way = {RATE: lambda: subject.rate_of(steps, scale.images)}
        speeds = alternate(way, rounds=scale.rounds, report=report)[RATE]
    rows: list[Row] = [measured({"": "the default settings"}, RATE, speeds)]
    claims = CLAIMED_S["cuda" if subject.detector.device.type == "cuda" else "cpu"]
    for (images, iterations), claimed_s in claims.items():
        side: Axes = {"images": images, "iterations": iterations}
        seconds = [images * iterations / speed for speed in speeds]
        middle = [sum(claimed_s) / 2] * len(seconds)
        rows += [
            measured(side, "s", seconds),
            ratio(side, {"": "claimed"}, "s", (seconds, middle), TIME),
        ]
    return rows


def _strengths(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials, Way, rows_of, strength_rows

    trials, base = Trials(subject, scale.scored, report), scale.iterations
    records, rate = trials.training.records, trials.training.config.learning_rate
    few, larger = _some(records, FEW_IMAGES), min(rate * LEARNING_RATE_FACTOR, 1.0)

    def way(side: Axes, claim: Claim | None = None, **changes: Any) -> Way:
        return Way(side=side, make=partial(trials.made, **{"iterations": base, **changes}), claim=claim)

    ways = [
        way({"iterations": base}),
        way({"iterations": 2 * base}, ITERATIONS, iterations=2 * base),
        way({"texels": TEXELS}, SIZE, patch_height=TEXELS, patch_width=TEXELS),
        way({"learning_rate": round(larger, 6)}, RATES, learning_rate=larger),
        # As many image-iterations as the first.
        way({"images": len(few)}, records=few, iterations=max(round(base * len(records) / len(few)), 1)),
    ]
    outcomes = trials.contest(ways, report=report, seeds=scale.seeds)
    all_images = {"images": len(records)}, outcomes[0]
    return rows_of(ways, outcomes) + strength_rows(all_images, (ways[-1].side, outcomes[-1]), IMAGES)


def _some(records: Sequence[ImageRecord], count: int) -> list[ImageRecord]:
    import numpy as np

    chosen = np.random.default_rng(0).permutation(len(records))[:count].tolist()
    return [records[index] for index in sorted(chosen)]


SUITES.add(
    Suite(
        name="budget",
        question="What do more iterations, more images, a larger patch or a higher learning rate gain?",
        source="10 images and 50 iterations: 2 to 3 minutes on a GPU, 20 to 30 on a CPU; 100 images and 500 "
        "iterations: 3 to 4 hours and 30 to 50 hours",
        claims=(TIME, ITERATIONS, IMAGES, SIZE, RATES),
        parts={"time": _times, "strength": _strengths},
        names=("claimed", "the default settings"),
        on_cuda="the claim's times on a GPU",
    )
)
