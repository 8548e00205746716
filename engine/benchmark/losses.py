# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of losses: scores at equal time, and the cosines between gradients on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.benchmark.rows import median_row
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.trials import SEEDS, Outcome, Trials, score_rows, seconds_each
from engine.datasets.loader import Batch
from engine.patch.losses.patch_loss import PatchLoss
from engine.patch.render import compose
from engine.patch.transforms import place
from engine.records import Measurement
from engine.seeding import generator

LOSSES: dict[str, dict[str, float]] = {
    "total": {"total": 1.0},
    "total with cls, box, dfl": {"total": 1.0, "cls": 1.0, "box": 1.0, "dfl": 1.0},
    "object": {"object": 1.0},
    "max confidence": {"max_confidence": 1.0},
}
SINGLE_TERMS: dict[str, dict[str, float]] = {
    "cls": {"cls": 1.0},
    "box": {"box": 1.0},
    "dfl": {"dfl": 1.0},
}


def losses_parts(subject: Subject, scale: Scale) -> list[Part]:
    """The gradients on the same batches; the scores at equal time."""
    return [
        Part(key="gradients", measure=lambda report: _gradients(subject, scale, report)),
        Part(key="score", measure=lambda report: _scores(Trials(subject), scale, report)),
    ]


def _gradients(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    """One cosine a batch for each pair of losses, all through the same drawn patches."""
    run, size = subject.run(), subject.config.batch_size
    plan = [
        [(start + i) % len(subject.records) for i in range(size)] for start in range(0, scale.images, size)
    ]
    names = LOSSES | SINGLE_TERMS
    cosines: dict[tuple[str, str], list[float]] = {pair: [] for pair in combinations(names, 2)}
    for position, batch in enumerate(run.batches(plan)):
        found = {
            name: _gradient(subject, batch, weights, run.state.patch_chw, position)
            for name, weights in names.items()
        }
        for first, second in cosines:
            cosines[first, second].append(float(F.cosine_similarity(found[first], found[second], dim=0)))
    report(f"Gradients of {len(names)} losses on {len(plan)} batches")
    return [
        median_row(f"{first} and {second}", values, "cosine", batches=len(values))
        for (first, second), values in cosines.items()
    ]


def _gradient(
    subject: Subject, batch: Batch, weights: dict[str, float], patch_chw: Tensor, position: int
) -> Tensor:
    """The flat gradient of a patch, drawn with the chance of the batch's position."""
    config, patch = subject.config, patch_chw.to(subject.detector.device, copy=True).requires_grad_(True)
    placements = place(
        batch.targets,
        canvas_hw=(batch.images_nchw.shape[2], batch.images_nchw.shape[3]),
        aspect=config.patch_width / config.patch_height,
        placement=config.placement,
        augmentation=config.augmentation,
        generator=generator(config.seed, position),
    )
    loss = PatchLoss(weights, class_id=subject.class_id, objects_per_image=1.0, top_k=config.top_k)
    drawn = compose(batch.images_nchw, patch, placements)
    value, _ = loss(subject.detector, drawn, batch.targets, patch)
    return torch.autograd.grad(value, patch)[0].flatten().cpu()


def _scores(trials: Trials, scale: Scale, report: Report) -> list[Measurement]:
    limit_s = seconds_each(scale, len(LOSSES) * SEEDS)

    def side(weights: dict[str, float]) -> Callable[[int], Outcome]:
        return lambda seed: trials.judged(trials.train(time_limit_s=limit_s, losses=weights, seed=seed))

    outcomes = trials.contest({name: side(weights) for name, weights in LOSSES.items()}, report=report)
    return [
        row for name, results in outcomes.items() for row in score_rows(name, results, losses=LOSSES[name])
    ]
