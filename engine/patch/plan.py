# SPDX-License-Identifier: AGPL-3.0-only
"""The data of each step as a function of the run's settings, images and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine import seeding
from engine.config import RunConfig
from engine.datasets.sampling import growing_batch_size, plan_iteration
from engine.datasets.views import ViewChooser

PLACEMENT_STREAM = 1  # of the seed; the batch plan uses (seed, iteration) alone


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """Batches, views and random generators of a run, constant throughout the run.

    Attributes:
        config: the run's settings.
        counts: number of objects of the class under attack in each image.
        class_id: the class under attack.
        batch_size: images per batch; the final size if batches grow.
        whole_images: use whole images whatever the settings say, for detectors that see no others.
    """

    config: RunConfig
    counts: Sequence[int]
    class_id: int
    batch_size: int
    whole_images: bool = False

    def steps(self, iteration: int) -> list[list[list[int]]]:
        """An iteration's steps, each a list of batches, each a list of image indices."""
        config, size = self.config, self.batch_size
        if config.batch_start:
            size = growing_batch_size(config.batch_start, iteration, size)
        batches = plan_iteration(
            self.counts,
            strategy=config.batching,
            batch_size=size,
            sampling=config.sampling,
            seed=config.seed,
            iteration=iteration,
        )
        together = config.accumulate
        return [batches[start : start + together] for start in range(0, len(batches), together)]

    def view(self, iteration: int) -> ViewChooser | None:
        """Chooses the part of each image that an iteration uses; None for whole images."""
        config = self.config
        if self.whole_images or not config.looks_at_windows:
            return None
        return ViewChooser(
            side_px=config.view_size,
            zoom_low=config.view_zoom[0],
            zoom_high=config.view_zoom[1],
            seed=config.seed,
            iteration=iteration,
            class_id=self.class_id,
        )

    def generator(self, *numbers: int) -> torch.Generator:
        """A new random generator for a piece of a step, determined by the piece's numbers."""
        return seeding.generator(self.config.seed, PLACEMENT_STREAM, *numbers)
