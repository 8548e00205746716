# SPDX-License-Identifier: AGPL-3.0-only
"""Learning-rate schedules: functions of a run's progress, except `plateau`, which depends on the loss.

A pure function has no state to save, and a run with a time limit can shorten its schedule to the iterations
that fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.registries import SCHEDULES

if TYPE_CHECKING:
    from engine.config import ScheduleConfig


@dataclass(frozen=True, kw_only=True)
class ScheduleKind:
    """A schedule that settings can name.

    Attributes:
        name: in settings.
        help: one sentence on the course of the learning rate.
        shape: returns the rate's factor, 0 to 1; called with the settings, the iterations since the warm-up
            (fractional) and the total iterations after the warm-up.
    """

    name: str
    help: str
    shape: Callable[[ScheduleConfig, float, int], float]


def learning_rate_factor(config: ScheduleConfig, iteration: float, iterations: int) -> float:
    """The factor of the base learning rate, 0 to 1.

    The schedule covers the iterations after a linear warm-up. `step`, `multi-step` and `exponential` change
    between iterations, `one-cycle` and `cosine` at each step. `plateau` is constant here.

    Args:
        config: the schedule's settings.
        iteration: finished iterations, fractional (2.5: in the middle of the third).
        iterations: total number of iterations.
    """
    if iteration < config.warmup:
        return max(iteration, 0.5) / (config.warmup + 1)
    length = max(iterations - config.warmup, 1)
    done = min(iteration - config.warmup, float(length))
    return SCHEDULES[config.kind].shape(config, done, length)


class Plateau:
    """A factor of the learning rate that falls when the loss has stopped falling.

    Uses PyTorch's `ReduceLROnPlateau` with an absolute threshold, because losses may be negative.

    Args:
        config: `gamma` and `patience` are used, and only if the kind is `plateau`.
    """

    def __init__(self, config: ScheduleConfig) -> None:
        self._used = config.kind == "plateau"
        if self._used:  # PyTorch's optimizers load its compiler, which takes seconds
            import torch

            # The scheduler lowers the rate of a dummy optimizer, starting from 1.
            self._rate = torch.optim.SGD([torch.zeros(1)], lr=1.0)
            self._scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
                self._rate, factor=config.gamma, patience=config.patience, threshold_mode="abs"
            )

    @property
    def factor(self) -> float:
        """The factor of the learning rate, 0 to 1; always 1 for other kinds of schedules."""
        return float(self._rate.param_groups[0]["lr"]) if self._used else 1.0

    def step(self, loss: float) -> None:
        """Update the factor from an iteration's loss."""
        if self._used:
            self._scheduler.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """The state for `load_state_dict`; empty for other kinds of schedules."""
        if not self._used:
            return {}
        return {"scheduler": self._scheduler.state_dict(), "rate": self._rate.param_groups[0]["lr"]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        if self._used:
            self._scheduler.load_state_dict(state["scheduler"])
            self._rate.param_groups[0]["lr"] = state["rate"]


def _constant(config: ScheduleConfig, done: float, length: int) -> float:
    return 1.0


def _step(config: ScheduleConfig, done: float, length: int) -> float:
    return config.gamma ** (int(done) // config.every)


def _multi_step(config: ScheduleConfig, done: float, length: int) -> float:
    return config.gamma ** sum(int(done) >= milestone * length for milestone in config.milestones)


def _exponential(config: ScheduleConfig, done: float, length: int) -> float:
    return config.gamma ** int(done)


def _one_cycle(config: ScheduleConfig, done: float, length: int) -> float:
    """Up from 1/25 within the first 30%, then down to 1e-4 (Smith and Topin 2018; PyTorch's OneCycleLR)."""
    progress = done / length
    if progress < 0.3:
        return _cosine_between(1 / 25, 1.0, progress / 0.3)
    return _cosine_between(1.0, 1e-4, (progress - 0.3) / 0.7)


def _cosine(config: ScheduleConfig, done: float, length: int) -> float:
    """Cosine annealing with warm restarts (SGDR, Loshchilov and Hutter 2017), `cycles` of equal length."""
    progress = done / length
    return _cosine_between(1.0, config.floor, progress * config.cycles % 1.0 if progress < 1 else 1.0)


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


for kind in (
    ScheduleKind(name="constant", help="Stays constant.", shape=_constant),
    ScheduleKind(name="step", help="Falls at regular intervals.", shape=_step),
    ScheduleKind(name="multi-step", help="Falls at given points of the run.", shape=_multi_step),
    ScheduleKind(name="exponential", help="Falls after each iteration.", shape=_exponential),
    ScheduleKind(name="one-cycle", help="Rises at first, then falls to almost zero.", shape=_one_cycle),
    ScheduleKind(name="cosine", help="Falls along a cosine, once or several times.", shape=_cosine),
    ScheduleKind(name="plateau", help="Falls when the loss stops improving.", shape=_constant),
):
    SCHEDULES.add(kind)
