# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch reaches beside its controls, on held-out images, within a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import measured
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.measurements import Axes, Measurement

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Outcome, Trials
    from engine.evaluation.metrics import PatchMetrics

METRICS = {
    "ap50": "AP50",
    "asr": "ASR",
    "confidence_retained": "confidence retained",
    "disappearance": "disappearance",
    "hallucinations_per_image": "hallucinations/image",
}
STRONGER = Claim(
    key="stronger",
    holds="The patch is stronger than a grey one",
    fails="The patch is no stronger than a grey one",
    direction=-1,
)


def _measure(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials, strength_rows

    trials = Trials(subject, scale.scored, report)
    config, judge = trials.training.config, trials.judge
    facts = {"training_images": len(trials.training.records), "held_out_images": len(trials.held_out)}
    controls = judge.controls(config.patch_height, config.patch_width)
    rows: list[Row] = []
    for name, metrics in controls.items():
        rows += _rows({"condition": name}, metrics, **facts)
    outcomes: list[Outcome] = []
    for number in range(scale.strength_seeds):
        seed = config.seed + number
        outcome = _made(trials, scale.seconds, seed, report)
        cost = {"seconds": round(outcome.elapsed_s, 1), "image_iterations": outcome.image_iterations}
        rows += _rows({"condition": "patch", "seed": seed}, outcome.metrics, **cost, **facts)
        outcomes.append(outcome)
        found = outcome.scores
        report(
            f"Seed {seed}: confidence retained {found.confidence_retained.value:.3f}, "
            f"ASR {found.asr.value:.3f}, AP50 {found.ap50.value:.3f}"
        )
    side: Axes = {"condition": "patch"}
    if len(outcomes) > 1:
        rows += [
            measured(side, metric, [getattr(each.scores, name).value for each in outcomes], **facts)
            for name, metric in METRICS.items()
        ]
    grey = replace(outcomes[0], metrics=controls["grey"])
    return rows + strength_rows((side, outcomes), ({"condition": "grey"}, [grey] * len(outcomes)), STRONGER)


def _made(trials: Trials, seconds: float, seed: int, report: Report) -> Outcome:
    run = trials.training.run(time_limit_s=seconds, seed=seed)
    for record in run.iterate():
        if run.state.steps_in_iteration == 0 and run.state.iteration % 10 == 0:
            report(f"Iteration {record.iteration}, {record.elapsed_s:.0f} s, loss: {record.loss:.4f}")
    return trials.judged(run.state.patch_chw, run.state)


def _rows(side: Axes, metrics: PatchMetrics, **facts: Any) -> list[Measurement]:
    """The scores of one condition with their intervals over images."""
    scores = metrics.compute()
    return [
        Measurement(side=side, metric=metric, figure=getattr(scores, name), facts=facts)
        for name, metric in METRICS.items()
    ]


SUITES.add(
    Suite(
        name="strength",
        question="How strong is a patch made within a given time?",
        claims=(STRONGER,),
        parts={"score": _measure},
        names=("patch", "clean", "grey", "noise"),
    )
)
