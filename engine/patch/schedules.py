# SPDX-License-Identifier: AGPL-3.0-only
"""Learning-rate schedules as pure functions of a run's progress, so that nothing of them must be saved.

A pure function also lets a run with a time limit shorten its schedule to the iterations that will fit.
`plateau` alone looks at the loss; PyTorch's `ReduceLROnPlateau` drives it (see `engine.patch.optimizer`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.config import ScheduleConfig

__all__ = ["learning_rate_factor"]


def learning_rate_factor(config: ScheduleConfig, iteration: float, iterations: int) -> float:
    """What the base learning rate is multiplied with, 0 to 1.

    `step`, `multi-step` and `exponential` change from one iteration to the next ("epoch-based"), `one-cycle`
    and `cosine` within an iteration too ("iteration-based").

    Args:
        config: which schedule.
        iteration: how many iterations are done, with fraction (2.5: in the middle of the third).
        iterations: how many there will be.
    """
    if iteration < config.warmup:
        return max(iteration, 0.5) / (config.warmup + 1)
    length = max(iterations - config.warmup, 1)
    progress = min((iteration - config.warmup) / length, 1.0)
    return _SHAPES[config.kind](config, iteration, progress)


def _constant(config: ScheduleConfig, iteration: float, progress: float) -> float:
    return 1.0


def _step(config: ScheduleConfig, iteration: float, progress: float) -> float:
    return config.gamma ** (int(iteration) // config.every)


def _multi_step(config: ScheduleConfig, iteration: float, progress: float) -> float:
    return config.gamma ** sum(progress >= milestone for milestone in config.milestones)


def _exponential(config: ScheduleConfig, iteration: float, progress: float) -> float:
    return config.gamma ** int(iteration)


def _one_cycle(config: ScheduleConfig, iteration: float, progress: float) -> float:
    """Up from 1/25 within the first 30%, then down to 1e-4 (Smith and Topin 2018; PyTorch's OneCycleLR)."""
    if progress < 0.3:
        return _cosine_between(1 / 25, 1.0, progress / 0.3)
    return _cosine_between(1.0, 1e-4, (progress - 0.3) / 0.7)


def _cosine(config: ScheduleConfig, iteration: float, progress: float) -> float:
    """Cosine annealing with warm restarts (SGDR, Loshchilov and Hutter 2017), `cycles` of equal length."""
    return _cosine_between(1.0, config.floor, progress * config.cycles % 1.0 if progress < 1 else 1.0)


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


_SHAPES: dict[str, Callable[[ScheduleConfig, float, float], float]] = {
    "constant": _constant,
    "plateau": _constant,
    "step": _step,
    "multi-step": _multi_step,
    "exponential": _exponential,
    "one-cycle": _one_cycle,
    "cosine": _cosine,
}
