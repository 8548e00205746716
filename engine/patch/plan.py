# SPDX-License-Identifier: AGPL-3.0-only
"""What each step of a run looks at: a function of its settings, its images and its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.config import RunConfig
from engine.datasets.sampling import growing_batch_size, plan_iteration
from engine.datasets.views import ViewChooser
from engine.seeding import generator

PLACEMENT_STREAM = 1  # of the seed; the batch plan draws from (seed, iteration) itself


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """Batches, views and chance of a run; nothing of it changes while the run goes on.

    Attributes:
        config: the run's settings.
        counts: how many objects of the class under attack each image holds.
        class_id: that class.
        batch_size: images a batch, if batches do not grow.
    """

    config: RunConfig
    counts: Sequence[int]
    class_id: int
    batch_size: int

    def steps(self, iteration: int) -> list[list[list[int]]]:
        """The iteration's steps, each a list of batches, each a list of image indices."""
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
        """What part of each image the iteration looks at; None for whole images."""
        config = self.config
        if not 0 < config.view_size < config.image_size:
            return None
        return ViewChooser(
            side_px=config.view_size,
            zoom_low=config.view_zoom[0],
            zoom_high=config.view_zoom[1],
            seed=config.seed,
            iteration=iteration,
            class_id=self.class_id,
        )

    def chance(self, *numbers: int) -> torch.Generator:
        """The chance of a piece of a step, the same whenever it is asked for; its numbers are its own."""
        return generator(self.config.seed, PLACEMENT_STREAM, *numbers)
