# SPDX-License-Identifier: AGPL-3.0-only
"""Training the head, the whole network, or one from scratch, on few images at equal time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.benchmark.paired import RESAMPLES, Resampled, paired_effect
from engine.benchmark.rows import compared, measured
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.verdicts import factor_needed
from engine.config import TrainingConfig

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.records import ImageRecord

IMAGES = (20, 60, 100)
WHOLE, HEAD, SCRATCH = "whole network", "frozen backbone", "from scratch"
STRATEGIES = {"whole": WHOLE, "head": HEAD, "scratch": SCRATCH}
FROZEN = Claim(
    key="frozen",
    holds="Freezing the backbone pays off on few images",
    fails="Freezing the backbone does not pay off on few images",
    margin=0.02,
)
FROM_SCRATCH = Claim(
    key="scratch",
    holds="Training from scratch performs worse",
    fails="Training from scratch performs no worse",
    direction=-1,
    margin=0.02,
)
CLAIMS = {"head": FROZEN, "scratch": FROM_SCRATCH}
BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Result:
    """A training's AP50 on the unseen images and on each resample of them, and what it did."""

    ap50: Resampled
    epochs: int
    elapsed_s: float


def _part(images: int, subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """The three strategies on so many images, in turn, seed by seed."""
    training, unseen = _split(subject, images, scale.scored, report)
    seconds = scale.compared_s / (len(IMAGES) * len(STRATEGIES) * scale.seeds)
    results: dict[str, list[Result]] = {strategy: [] for strategy in STRATEGIES}
    names = list(STRATEGIES)
    for turn in range(scale.seeds):
        for strategy in names[turn % len(names) :] + names[: turn % len(names)]:
            result = _trained(subject, strategy, seconds, subject.config.seed + turn, training, unseen)
            results[strategy].append(result)
            report(
                f"{STRATEGIES[strategy]}, {len(training)} images, seed {turn + 1} of {scale.seeds}: "
                f"AP50 {result.ap50[0]:.3f} after {result.epochs} epochs"
            )
    return _rows(len(training), results, sum(record.count() for record in unseen))


def _split(
    subject: Subject, images: int, scored: int, report: Report
) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """The training's images, the first so many in a random order, and the unseen ones; one class, 0."""
    order = np.random.default_rng(subject.config.seed).permutation(len(subject.records)).tolist()
    records, unseen = [subject.records[index] for index in order], list(subject.unseen(report)[:scored])
    if not unseen:
        cut = max(round(len(records) / 3), 1)
        records, unseen = records[cut:], records[:cut][:scored]
    return [_alone(record) for record in records[:images]], [_alone(record) for record in unseen]


def _alone(record: ImageRecord) -> ImageRecord:
    return replace(record, class_ids=np.zeros(len(record.class_ids), dtype=np.int64))


def _trained(
    subject: Subject,
    strategy: str,
    seconds: float,
    seed: int,
    training: Sequence[ImageRecord],
    unseen: Sequence[ImageRecord],
) -> Result:
    from engine.datasets.loader import ImageLoader
    from engine.evaluation.bootstrap import resample_counts
    from engine.evaluation.detector_score import detect_all

    assert subject.train is not None
    config = subject.config
    detector, summary = subject.train(
        TrainingConfig(
            dataset=config.dataset,
            weights=config.weights,
            strategy=strategy,
            device=str(subject.detector.device),
            image_size=max(config.image_size, 64),
            seed=seed,
            epochs=100_000,
            time_limit_s=seconds,
            batch_size=BATCH,
            precision=config.precision,
            validation_share=0.0,
        ),
        training,
        (subject.detector.class_names[subject.class_id],),
    )
    loader = ImageLoader(
        unseen, image_size=config.image_size, stride_px=detector.stride_px, device=detector.device
    )
    judged = detect_all(detector, loader, range(len(unseen))).ap(0)
    counts = resample_counts(len(unseen), resamples=RESAMPLES, seed=config.seed)
    return Result(
        ap50=(judged.ap50, judged.resampled(counts)[:, 0]),
        epochs=summary["epochs"],
        elapsed_s=summary["elapsed_s"],
    )


def _rows(images: int, results: dict[str, list[Result]], objects: int) -> list[Row]:
    """The AP50 of each strategy, and of those with a claim beside the whole network's."""
    sides = {strategy: {"strategy": name, "images": images} for strategy, name in STRATEGIES.items()}
    rows: list[Row] = [
        measured(
            sides[strategy],
            "AP50",
            [result.ap50[0] for result in each],
            seconds=round(float(np.median([result.elapsed_s for result in each])), 2),
            epochs=int(np.median([result.epochs for result in each])),
        )
        for strategy, each in results.items()
    ]
    for strategy, claim in CLAIMS.items():
        pair = [[result.ap50 for result in results[name]] for name in (strategy, "whole")]
        effect = paired_effect(*pair)
        row = compared(sides[strategy], sides["whole"], "AP50", "difference", effect.interval, claim)
        if row.outcome == "undecided" and not math.isnan(effect.interval.low):
            factor = factor_needed(effect.interval, row.unit, claim, row.claimed)
            row = replace(row, needs=effect.needs(factor, objects=objects))
        rows.append(row)
    return rows


SUITES.add(
    Suite(
        name="transfer-learning",
        question="Does freezing the backbone pay off when a detector is trained on few images?",
        source="“freezing the backbone suits small datasets”",
        claims=(FROZEN, FROM_SCRATCH),
        parts={f"{images} images": partial(_part, images) for images in IMAGES},
        names=tuple(STRATEGIES.values()),
    )
)
