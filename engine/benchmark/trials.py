# SPDX-License-Identifier: AGPL-3.0-only
"""Patches made in different ways on the same images, scored on held-out ones and compared in pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from engine.benchmark.paired import RESAMPLES, Resampled, paired_effect
from engine.benchmark.rows import compared, measured
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Claim, Report, Row
from engine.benchmark.verdicts import factor_needed
from engine.benchmark.wording import label
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detector
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.metrics import PatchMetrics
from engine.evaluation.runner import PatchJudge
from engine.measurements import Axes, Measurement
from engine.patch.state import RunState
from engine.records import ImageRecord, Scores

HELD_OUT = 1 / 3
SCORES = {"confidence_retained": "confidence retained", "asr": "ASR", "ap50": "AP50"}
"""Score that comparisons of strength record → its metric; the first decides."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run left and how it scores.

    Attributes:
        patch_chw: float32 (3, h, w), on the CPU.
        metrics: what was found on the held-out images.
        elapsed_s: of the run, without its scoring.
        image_iterations: that it did.
    """

    patch_chw: Tensor
    metrics: PatchMetrics
    elapsed_s: float
    image_iterations: int

    @cached_property
    def scores(self) -> Scores:
        """On the held-out images, without intervals."""
        return self.metrics.compute(resamples=0)

    @cached_property
    def resampled(self) -> dict[str, Resampled]:
        """The scores that comparisons record, on all images and on each resample of them."""
        return self.metrics.resampled(resamples=RESAMPLES)


Outcomes = Sequence[Outcome]


@dataclass(frozen=True, kw_only=True)
class Way:
    """A side of a comparison of strength.

    Attributes:
        side: what tells it from the others.
        make: makes and scores a patch from a seed.
        claim: tested by comparing it with the first way; None for none.
    """

    side: Axes
    make: Callable[[int], Outcome]
    claim: Claim | None = None


class Trials:
    """The subject's images in two: those that runs see, and held-out ones to score on.

    Args:
        subject: whose unseen images are scored on; without any, a third of its images is held out.
        scored: the most images to score on.
        report: called with lines on progress.

    Attributes:
        training: the subject with the images that runs see.
        held_out: the images that patches are scored on.
        loader: of these.
    """

    def __init__(self, subject: Subject, scored: int, report: Report) -> None:
        self.training, self.held_out = subject, list(subject.unseen(report)[:scored])
        if not self.held_out:
            records = subject.records
            order = np.random.default_rng(subject.config.seed).permutation(len(records)).tolist()
            cut = max(round(len(order) * HELD_OUT), 1)
            self.held_out = [records[index] for index in sorted(order[:cut])][:scored]
            self.training = subject.over([records[index] for index in sorted(order[cut:])])
        config, detector = self.training.config, self.training.detector
        self.loader = ImageLoader(
            self.held_out,
            image_size=config.image_size,
            stride_px=detector.stride_px,
            device=detector.device,
        )
        self.judge = self.judge_of(range(len(self.held_out)))

    def behind(self, detector: Detector, **changes: Any) -> Trials:
        """The same images, loaded once for all, for another detector, such as one behind a defence.

        Args:
            detector: with the same classes, stride and device.
            changes: of the subject's settings.
        """
        other = copy(self)
        config = self.training.config.changed(**changes)
        other.training = replace(self.training, detector=detector, config=config)
        other.judge = other.judge_of(range(len(self.held_out)))
        return other

    def judge_of(self, indices: Sequence[int]) -> PatchJudge:
        """A judge of some of the held-out images."""
        config, detector = self.training.config, self.training.detector
        return PatchJudge(
            detector,
            self.loader,
            list(indices),
            class_id=self.training.class_id,
            config=EvaluationConfig(placement=config.placement, seed=config.seed),
        )

    def train(
        self,
        *,
        records: Sequence[ImageRecord] | None = None,
        start: Tensor | None = None,
        **changes: Any,
    ) -> RunState:
        """Make a patch with some settings changed; set `iterations` or `time_limit_s`, or it never ends.

        Args:
            records: the images; by default all training images.
            start: the initial patch, float32 (3, h, w); by default the one that the settings name.
            changes: of the subject's settings; `attacked` in place of its detector.
        """
        subject = self.training if records is None else self.training.over(records)
        run = subject.run(start=start, **changes)
        for _record in run.iterate():
            pass
        return run.state

    def judged(self, patch_chw: Tensor, *states: RunState) -> Outcome:
        """A patch with its scores, and the cost of the runs that made it."""
        return Outcome(
            patch_chw=patch_chw,
            metrics=self.judge.metrics(patch_chw),
            elapsed_s=sum(state.elapsed_s for state in states),
            image_iterations=sum(state.image_iterations for state in states),
        )

    def made(self, seed: int, **changes: Any) -> Outcome:
        """A patch made with some settings changed, with its scores; see `train`."""
        state = self.train(seed=seed, **changes)
        return self.judged(state.patch_chw, state)

    def contest(self, ways: Sequence[Way], *, report: Report, seeds: int) -> list[list[Outcome]]:
        """The outcomes of each way, one a seed; each seed begins with another way, after a discarded step."""
        self.train(iterations=1, records=self.training.records[: self.training.config.batch_size])
        outcomes: list[list[Outcome]] = [[] for _ in ways]
        for turn in range(seeds):
            for number in ((turn + offset) % len(ways) for offset in range(len(ways))):
                outcome = ways[number].make(self.training.config.seed + turn)
                outcomes[number].append(outcome)
                confidence, asr = outcome.scores.confidence_retained.value, outcome.scores.asr.value
                report(
                    f"{label(ways[number].side)}, seed {turn + 1} of {seeds}: confidence retained "
                    f"{confidence:.3f}, ASR {asr:.3f}"
                )
        return outcomes


def rows_of(ways: Sequence[Way], outcomes: Sequence[Outcomes]) -> list[Row]:
    """The scores of each way, and how those with a claim compare with the first."""
    sides = [(way.side, results) for way, results in zip(ways, outcomes, strict=True)]
    rows: list[Row] = [row for side in sides for row in score_rows(*side)]
    for way, side in zip(ways, sides, strict=True):
        if way.claim is not None:
            rows += strength_rows(side, sides[0], way.claim)
    return rows


def score_rows(side: Axes, outcomes: Outcomes) -> list[Measurement]:
    """The scores of a side: medians over seeds, with each seed's kept, and the cost of the median run."""
    facts = {
        "seconds": round(float(np.median([outcome.elapsed_s for outcome in outcomes])), 2),
        "image_iterations": int(np.median([outcome.image_iterations for outcome in outcomes])),
    }
    return [
        measured(side, metric, [getattr(each.scores, name).value for each in outcomes], **facts)
        for name, metric in SCORES.items()
    ]


def strength_rows(
    side: tuple[Axes, Outcomes],
    reference: tuple[Axes, Outcomes],
    claim: Claim,
    *,
    images: Sequence[int] | None = None,
) -> list[Row]:
    """How the strength of a side compares with another's, seed by seed on the same images.

    Confidence retained decides the claim; ASR and AP50 stand beside it.

    Args:
        side, reference: the sides with their outcomes, one a seed, the same seeds.
        claim: under test, about confidence retained (lower is stronger).
        images: numbers of the held-out images to score on; None for all.
    """
    if images is not None:
        side, reference = (
            (axes, [replace(each, metrics=each.metrics.of_images(images)) for each in outcomes])
            for axes, outcomes in (side, reference)
        )
    resampled = [[each.resampled for each in outcomes] for _axes, outcomes in (side, reference)]
    rows: list[Row] = []
    for name, metric in SCORES.items():
        values = [[scores[name] for scores in scores_of] for scores_of in resampled]
        effect = paired_effect(*values)
        decides = claim if not rows else None
        row = compared(side[0], reference[0], metric, "difference", effect.interval, decides)
        if row.outcome == "undecided" and not math.isnan(effect.interval.low):
            factor = factor_needed(effect.interval, row.unit, claim, row.claimed)
            row = replace(row, needs=effect.needs(factor, objects=side[1][0].metrics.detected))
        rows.append(row)
    return rows
