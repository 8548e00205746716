# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of strength: what a patch reaches beside its controls, on held-out images, within a time."""

from __future__ import annotations

from engine.benchmark.sides import STRENGTH
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import Trials
from engine.records import Measurement


def strength_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part: a run over the scale's seconds, scored with its controls."""
    return [Part(key="score", measure=lambda report: _measure(Trials(subject), scale.seconds, report))]


def _measure(trials: Trials, seconds: float, report: Report) -> list[Measurement]:
    run = trials.training.run(time_limit_s=seconds)
    for record in run.iterate():
        if run.state.steps_in_iteration == 0 and run.state.iteration % 10 == 0:
            report(f"Iteration {record.iteration}, {record.elapsed_s:.0f} s, loss: {record.loss:.4f}")
    judge = trials.judge_of(range(len(trials.held_out)))
    evaluation = judge.evaluate(run.state.patch_chw)
    report("Scored the patch and its controls")
    settings = {
        "seconds": round(run.state.elapsed_s, 1),
        "image_iterations": run.state.image_iterations,
        "training_images": len(trials.training.records),
        "held_out_images": len(trials.held_out),
    }
    return [
        Measurement(
            side=f"{condition}, {name}",
            figure=getattr(scores, name),
            unit=unit,
            settings={**settings, "condition": condition},
        )
        for condition, scores in {**evaluation.controls, "patch": evaluation.patch}.items()
        for name, unit in STRENGTH
    ]
