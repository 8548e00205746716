# SPDX-License-Identifier: AGPL-3.0-only
"""Which of a dataset's images a run takes, holds out, and sees: known from its settings. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from engine.config import DefenceTrainingConfig, RunConfig, TrainingConfig

Item = TypeVar("Item")


def some_of(items: list[Item], limit: int, seed: int) -> list[Item]:
    """At most `limit` of the images, drawn at random and in their order; 0 for all."""
    if not limit or limit >= len(items):
        return items
    chosen = np.random.default_rng(seed).choice(len(items), size=limit, replace=False)
    return [items[index] for index in sorted(chosen.tolist())]


def held_out_of(count: int, share: float) -> int:
    """How many of the images a share holds out: 1 to count - 1; a single one is never held out."""
    return min(max(round(count * share), 1), count - 1) if share and count > 1 else 0


def parted(
    items: Sequence[Item], config: RunConfig | TrainingConfig | DefenceTrainingConfig
) -> tuple[list[Item], list[Item]]:
    """The images to train on and those held out, the latter random and `held_out_of` in number; in order."""
    held_out = held_out_of(len(items), config.validation_share)
    if not held_out:
        return list(items), []
    order = np.random.default_rng(config.seed).permutation(len(items)).tolist()
    training, validation = sorted(order[held_out:]), sorted(order[:held_out])
    return [items[index] for index in training], [items[index] for index in validation]


def taken(config: RunConfig, counts: Sequence[int]) -> tuple[list[int], list[int]]:
    """The images that a run is made on and those that it holds out, by their places in the dataset.

    Args:
        config: the run's settings.
        counts: objects of its classes in each image of the dataset.
    """
    places = [place for place, count in enumerate(counts) if count or config.include_empty]
    return parted(some_of(places, config.max_images, config.seed), config)
