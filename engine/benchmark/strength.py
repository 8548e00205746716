# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of strength: what a patch reaches on images that it was not made on, within a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.benchmark.subject import Subject
from engine.benchmark.suite import Answer, Report, Scale
from engine.datasets.loader import ImageLoader
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import evaluate_patch
from engine.records import Measurement

__all__ = ["strength"]


def strength(subject: Subject, scale: Scale, report: Report) -> Answer:
    """What a patch reaches on photographs that it was not made on, within a time."""
    order = np.random.default_rng(subject.config.seed).permutation(len(subject.records)).tolist()
    held_out = sorted(order[: len(order) // 3])
    training = [subject.records[index] for index in sorted(order[len(order) // 3 :])]
    run = replace(subject, records=training).run(time_limit_s=scale.seconds)
    for record in run.iterate():
        if run.state.steps_in_iteration == 0 and run.state.iteration % 10 == 0:
            report(f"Iteration {record.iteration}, {record.elapsed_s:.0f} s, loss: {record.loss:.4f}")
    evaluation = evaluate_patch(
        subject.detector,
        ImageLoader(subject.records, image_size=subject.config.image_size, device=subject.detector.device),
        held_out,
        run.state.patch_chw,
        class_id=subject.class_id,
        config=EvaluationConfig(placement=subject.config.placement, seed=subject.config.seed),
    )
    settings = {
        "seconds": round(run.state.elapsed_s, 1),
        "image_iterations": run.state.image_iterations,
        "training_images": len(training),
        "held_out_images": len(held_out),
    }
    rows = [
        Measurement(side=f"{condition}, {name}", figure=getattr(scores, name), unit=unit, settings=settings)
        for condition, scores in {**evaluation.controls, "patch": evaluation.patch}.items()
        for name, unit in (
            ("ap50", "share"),
            ("asr", "share"),
            ("disappearance", "share"),
            ("hallucinations_per_image", "per image"),
        )
    ]
    patch = evaluation.patch
    answer = (
        f"After {run.state.elapsed_s:.0f} s the patch reaches ASR {patch.asr.value:.3f} and AP50 "
        f"{patch.ap50.value:.3f} on {len(held_out)} images that it was not made on, with "
        f"{patch.hallucinations_per_image.value:.2f} hallucinations an image "
        f"(clean: {evaluation.controls['clean'].hallucinations_per_image.value:.2f})."
    )
    return rows, answer
