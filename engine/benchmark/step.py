# SPDX-License-Identifier: AGPL-3.0-only
"""One batch on the device, and the parts of a step that are measured alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.benchmark.subject import Subject
from engine.datasets.loader import Batch
from engine.detectors.base import Detector
from engine.detectors.ensemble import members_of
from engine.patch.render import compose
from engine.patch.run import PatchRun
from engine.patch.threads import BatchThreads
from engine.patch.transforms import place
from engine.seeding import generator


@dataclass(frozen=True, kw_only=True)
class StepBench:
    """One batch on the device and what a step does with it.

    Attributes:
        detector: as the run's steps see it.
        images_nchw: float, 0 to 1, channels last.
        patch_chw: takes a gradient.
        upstream: what the drawn images' gradient is taken to be.
        threads: those of the run.
    """

    subject: Subject
    detector: Detector
    batch: Batch
    images_nchw: Tensor
    patch_chw: Tensor
    upstream: Tensor
    threads: BatchThreads

    @classmethod
    def of(cls, subject: Subject, run: PatchRun, indices: Sequence[int]) -> StepBench:
        """A batch of the run's images."""
        batch = next(run.batches([indices]))
        images = batch.images_nchw.float().div(255).contiguous(memory_format=torch.channels_last)
        patch = run.state.patch_chw.to(images.device).requires_grad_(True)
        (alone,) = members_of(run.detector, subject.class_id)
        return cls(
            subject=subject,
            detector=alone.detector,
            batch=batch,
            images_nchw=images,
            patch_chw=patch,
            upstream=torch.rand_like(images),
            threads=run.gradient.threads,
        )

    def bare(self) -> None:
        """The whole detector forward, and back to the images."""
        pixels = self.images_nchw.detach().requires_grad_(True)
        found = self.detector.candidates(pixels, self.subject.class_id, boxes=True)
        outputs = [each.sum() for each in (found.logits, found.boxes_xyxy_px) if each is not None]
        torch.autograd.grad(outputs, pixels)

    def bare_scores(self) -> None:
        """What the default loss needs of the detector, the batch in the parts in which a step computes it."""

        def part(first: int, last: int) -> None:
            pixels = self.images_nchw[first:last].detach().requires_grad_(True)
            found = self.detector.candidates(pixels, self.subject.class_id)
            torch.autograd.grad(found.logits.sum(), pixels)

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
