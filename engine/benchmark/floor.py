# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of the floor: a run's step beside the bare pass, rendering alone and loading alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.benchmark.rows import median_row, ratio_row
from engine.benchmark.sides import VIEWS
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate, device_seconds
from engine.datasets.loader import Batch
from engine.patch.render import compose
from engine.patch.run import PatchRun
from engine.patch.threads import BatchThreads
from engine.patch.transforms import place
from engine.records import Measurement
from engine.seeding import generator

SCORES_ALONE = "bare pass without the box branch, side by side"
RATIOS = (
    ("bare pass / step", "bare pass", "step"),
    (f"{SCORES_ALONE} / step", SCORES_ALONE, "step"),
    ("rendering alone / step", "rendering alone", "step"),
    ("loading alone / step", "loading alone", "step"),
)


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """One batch on the device and all that is done to it.

    Attributes:
        images_nchw: float, 0 to 1, channels last.
        patch_chw: takes a gradient.
        upstream: what the drawn images' gradient is taken to be.
        threads: those of the run.
    """

    subject: Subject
    batch: Batch
    images_nchw: Tensor
    patch_chw: Tensor
    upstream: Tensor
    threads: BatchThreads

    @classmethod
    def of(cls, subject: Subject, run: PatchRun, indices: Sequence[int]) -> _Bench:
        batch = next(run.batches([indices]))
        images = batch.images_nchw.float().div(255).contiguous(memory_format=torch.channels_last)
        patch = run.state.patch_chw.to(images.device).requires_grad_(True)
        return cls(
            subject=subject,
            batch=batch,
            images_nchw=images,
            patch_chw=patch,
            upstream=torch.rand_like(images),
            threads=run.gradient.threads,
        )

    def bare(self) -> None:
        """The whole detector forward, and back to the images."""
        pixels = self.images_nchw.detach().requires_grad_(True)
        found = self.subject.detector.predictions(pixels, self.subject.class_id)
        torch.autograd.grad(found.logits.sum() + found.boxes_xyxy_px.sum(), pixels)

    def bare_scores(self) -> None:
        """What the default loss needs of the detector, the batch in the parts in which a step computes it."""

        def part(first: int, last: int) -> None:
            pixels = self.images_nchw[first:last].detach().requires_grad_(True)
            scores = self.subject.detector.class_scores(pixels, self.subject.class_id)
            torch.autograd.grad(scores.logits.sum(), pixels)

        self.threads.map(part, len(self.images_nchw))

    def render(self) -> None:
        """The patch drawn on the batch, and back to its texels, in the same parts."""
        height, width = self.images_nchw.shape[2:]
        placements = place(
            self.batch.targets,
            canvas_hw=(height, width),
            aspect=1.0,
            placement=self.subject.config.placement,
            augmentation=self.subject.config.augmentation,
            generator=generator(0, 0),
        )

        def part(first: int, last: int) -> None:
            drawn = compose(
                self.batch.images_nchw[first:last], self.patch_chw, placements.of_images(first, last)
            )
            torch.autograd.grad(drawn, self.patch_chw, self.upstream[first:last])

        self.threads.map(part, len(self.images_nchw))


def floor_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part with views, as runs look at images by default, and one with whole images."""

    def part(view: str, changes: Mapping[str, Any]) -> Part:
        return Part(key=view, measure=lambda report: _measure(subject, scale, report, view, changes))

    return [part(VIEWS[0], {}), part(VIEWS[1], {"view_size": 0})]


def _measure(
    subject: Subject, scale: Scale, report: Report, view: str, changes: Mapping[str, Any]
) -> list[Measurement]:
    run, size = subject.run(**changes), subject.config.batch_size
    indices = [index % len(subject.records) for index in range(size)]
    bench = _Bench.of(subject, run, indices)
    repeats = max(scale.images // size, 1)

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def repeated() -> None:
            for _ in range(repeats):
                work()

        return lambda: device_seconds(repeated, bench.images_nchw.device) / (repeats * size)

    with closing(run.iterate()) as steps:
        sides = {
            "step": lambda: 1 / subject.rate_of(steps, repeats * size),
            "bare pass": timed(bench.bare),
            SCORES_ALONE: timed(bench.bare_scores),
            "rendering alone": timed(bench.render),
            "loading alone": timed(lambda: next(run.batches([indices]))),
        }
        figures = alternate(sides, rounds=scale.rounds, report=report)
    settings = {"view": view, "canvas_px": bench.images_nchw.shape[-1], "batch_size": size}
    return _rows(view, figures, settings)


def _rows(
    view: str, figures: Mapping[str, Sequence[float]], settings: Mapping[str, Any]
) -> list[Measurement]:
    rows = [
        median_row(f"{name}, {view}", samples, "s/image", **settings) for name, samples in figures.items()
    ]
    for name, first, second in RATIOS:
        rows.append(ratio_row(f"{name}, {view}", figures[first], figures[second], "share", **settings))
    return rows
