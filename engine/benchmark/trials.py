# SPDX-License-Identifier: AGPL-3.0-only
"""Trials: patches made in different ways on the same images, scored by the judge on held-out ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from engine.benchmark.rows import median_row
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Report, Scale
from engine.datasets.loader import ImageLoader
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.patch.state import RunState
from engine.records import ImageRecord, Interval, Measurement, Scores, StepRecord

SEEDS = 3  # runs of each side: one run alone says nothing about chance
HELD_OUT = 1 / 3
RESAMPLES = 500
SECONDS_PER_ITERATION = 20  # of a scale, where sides do equal iterations instead of equal time


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run left and how it scores.

    Attributes:
        patch_chw: float32 (3, h, w), on the CPU.
        scores: on the held-out images.
        elapsed_s: of the run, without its scoring.
        image_iterations: that it did.
    """

    patch_chw: Tensor
    scores: Scores
    elapsed_s: float
    image_iterations: int


class Trials:
    """The subject's images cut into two: a third is held out for the judge, runs see the others.

    Attributes:
        training: the subject with the images that runs see.
        held_out: the images that the judge scores on.
    """

    def __init__(self, subject: Subject) -> None:
        order = np.random.default_rng(subject.config.seed).permutation(len(subject.records)).tolist()
        cut = max(round(len(order) * HELD_OUT), 1)
        records = subject.records
        self.held_out: list[ImageRecord] = [records[index] for index in sorted(order[:cut])]
        self.training = subject.over([records[index] for index in sorted(order[cut:])])
        self._judge = self.judge_of(range(cut))

    def judge_of(self, indices: Sequence[int]) -> PatchJudge:
        """A judge of some of the held-out images."""
        config, detector = self.training.config, self.training.detector
        return PatchJudge(
            detector,
            ImageLoader(
                self.held_out,
                image_size=config.image_size,
                stride_px=detector.stride_px,
                device=detector.device,
            ),
            list(indices),
            class_id=self.training.class_id,
            config=EvaluationConfig(placement=config.placement, seed=config.seed),
        )

    def score(self, patch_chw: Tensor) -> Scores:
        """A patch's scores on all held-out images, with their intervals over images."""
        return self._judge.score(patch_chw, resamples=RESAMPLES)

    def train(
        self,
        *,
        records: Sequence[ImageRecord] | None = None,
        start: Tensor | None = None,
        on_step: Callable[[StepRecord, RunState], object] | None = None,
        **changes: Any,
    ) -> RunState:
        """Make a patch with some settings changed; set `iterations` or `time_limit_s`, or it never ends.

        Args:
            records: the images; by default all training images.
            start: the first patch, float32 (3, h, w); by default the one that the settings name.
            on_step: told each step and the state after it.
            changes: of the subject's settings.
        """
        subject = self.training if records is None else self.training.over(records)
        run = subject.run(start=start, **changes)
        for record in run.iterate():
            if on_step is not None:
                on_step(record, run.state)
        return run.state

    def judged(self, state: RunState) -> Outcome:
        """A finished run with its scores."""
        return Outcome(
            patch_chw=state.patch_chw,
            scores=self.score(state.patch_chw),
            elapsed_s=state.elapsed_s,
            image_iterations=state.image_iterations,
        )

    def contest(
        self, sides: Mapping[str, Callable[[int], Outcome]], *, report: Report, seeds: int = SEEDS
    ) -> dict[str, list[Outcome]]:
        """Run each side once a seed, beginning each seed with another side, after a step that is discarded.

        Args:
            sides: name → makes and judges one patch from a seed.
            report: told each outcome.
            seeds: how many.
        """
        self.train(iterations=1, records=self.training.records[: self.training.config.batch_size])
        names = list(sides)
        outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
        for turn in range(seeds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                outcome = sides[name](self.training.config.seed + turn)
                outcomes[name].append(outcome)
                report(f"{name}, seed {turn + 1} of {seeds}: ASR {outcome.scores.asr.value:.3f}")
        return outcomes


def seconds_each(scale: Scale, runs: int) -> float:
    """The time limit of each of a suite's runs: together they take twice the scale's seconds."""
    return 2 * scale.seconds / runs


def iterations_of(scale: Scale) -> int:
    """The iterations of runs that are compared at equal work."""
    return max(round(scale.seconds / SECONDS_PER_ITERATION), 1)


def score_rows(side: str, outcomes: Sequence[Outcome], **settings: Any) -> list[Measurement]:
    """The scores of a side: medians over seeds, or of a single run with its interval over images.

    The settings also tell the seconds and the image-iterations of the median run.
    """
    facts = {
        "seconds": round(float(np.median([outcome.elapsed_s for outcome in outcomes])), 2),
        "image_iterations": int(np.median([outcome.image_iterations for outcome in outcomes])),
        "seeds": len(outcomes),
        **settings,
    }
    rows = []
    for name, unit in (("asr", "ASR"), ("confidence_retained", "confidence retained"), ("ap50", "AP50")):
        figures: list[Interval] = [getattr(outcome.scores, name) for outcome in outcomes]
        row = median_row(side, [figure.value for figure in figures], unit, **facts)
        rows.append(replace(row, figure=figures[0]) if len(figures) == 1 else row)
    return rows
