# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of strength: what a patch reaches beside its controls, on held-out images, within a time."""

from __future__ import annotations

from collections.abc import Sequence

from engine.benchmark.rows import row_of
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import Trials
from engine.records import Measurement

__all__ = ["strength_answer", "strength_parts"]

FIGURES = (
    ("ap50", "share"),
    ("asr", "share"),
    ("disappearance", "share"),
    ("hallucinations_per_image", "per image"),
)


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
        for name, unit in FIGURES
    ]


def strength_answer(measurements: Sequence[Measurement]) -> str:
    """What the patch reaches, beside a grey one."""
    rows = {name: row_of(measurements, f"patch, {name}", unit) for name, unit in FIGURES}
    grey = row_of(measurements, "grey, asr", "share")
    asr, ap50, hallucinations = rows["asr"], rows["ap50"], rows["hallucinations_per_image"]
    if asr is None or ap50 is None or hallucinations is None or grey is None:
        return "No patch could be scored."
    return (
        f"After {asr.settings['seconds']:.0f} s the patch reaches ASR {asr.figure.value:.3f} (a grey one "
        f"{grey.figure.value:.3f}) and AP50 {ap50.figure.value:.3f} on "
        f"{asr.settings['held_out_images']} images that it was not made on, with "
        f"{hallucinations.figure.value:.2f} hallucinations an image."
    )
