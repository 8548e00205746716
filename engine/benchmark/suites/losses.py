# SPDX-License-Identifier: AGPL-3.0-only
"""Losses: strength at equal time, and the cosines between their gradients on the same batches."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from torch import Tensor

    from engine.benchmark.subject import Subject
    from engine.datasets.loader import Batch

LOSSES: dict[str, dict[str, float]] = {
    "total": {"total": 1.0},
    "total with cls, box, dfl": {"total": 1.0, "cls": 1.0, "box": 1.0, "dfl": 1.0},
    "object": {"object": 1.0},
    "max confidence": {"max_confidence": 1.0},
}
FOUR = Claim(key="four", holds="Four losses beat one", fails="Four losses do not beat one", direction=-1)
OTHER = Claim(
    key="other", holds="It beats the total loss", fails="It does not beat the total loss", direction=-1
)


def _possible(subject: Subject) -> dict[str, dict[str, float]]:
    """Those of `LOSSES` whose terms the detector has."""
    from engine.patch.losses.patch_loss import lacking_losses

    return {name: terms for name, terms in LOSSES.items() if not lacking_losses(subject.detector, terms)}


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials, Way, rows_of

    trials = Trials(subject, scale.scored, report)
    losses = _possible(subject)
    limit_s = scale.compared_s / (len(losses) * scale.seeds)

    claims = {"total": None, "total with cls, box, dfl": FOUR}
    ways = [
        Way(
            side={"losses": name},
            make=partial(trials.made, time_limit_s=limit_s, losses=weights),
            claim=claims.get(name, OTHER),
        )
        for name, weights in losses.items()
    ]
    return rows_of(ways, trials.contest(ways, report=report, seeds=scale.seeds))


def _gradients(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """One cosine a batch for each pair of losses, all through the same drawn patches."""
    from torch.nn.functional import cosine_similarity

    run, size = subject.run(), subject.config.batch_size
    plan = [
        [(start + i) % len(subject.records) for i in range(size)] for start in range(0, scale.images, size)
    ]
    single = {name: {name: 1.0} for name in subject.detector.loss_names if name != "total"}
    names = _possible(subject) | single
    cosines: dict[tuple[str, str], list[float]] = {pair: [] for pair in combinations(names, 2)}
    for position, batch in enumerate(run.batches(plan)):
        found = {
            name: _gradient(subject, batch, weights, run.state.patch_chw, position)
            for name, weights in names.items()
        }
        for first, second in cosines:
            cosines[first, second].append(float(cosine_similarity(found[first], found[second], dim=0)))
    report(f"Gradients of {len(names)} losses on {len(plan)} batches")
    return [
        measured({"losses": first, "and": second}, "cosine", values)
        for (first, second), values in cosines.items()
    ]


def _gradient(
    subject: Subject, batch: Batch, weights: dict[str, float], patch_chw: Tensor, position: int
) -> Tensor:
    """The flat gradient of a patch, drawn with the chance of the batch's position."""
    import torch

    from engine.patch.losses.patch_loss import PatchLoss
    from engine.patch.render import compose
    from engine.patch.transforms import place
    from engine.seeding import generator

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


SUITES.add(
    Suite(
        name="losses",
        question="Do four losses beat one?",
        source="four losses, “as in the notebook”",
        claims=(FOUR, OTHER),
        parts={"gradients": _gradients, "score": _scores},
        names=(*LOSSES,),
    )
)
