# SPDX-License-Identifier: AGPL-3.0-only
"""Learning-rate schedules: functions of a run's progress, and one, `plateau`, that looks at the loss.

A pure function leaves nothing to be saved, and lets a run with a time limit shorten its schedule to the
iterations that will fit.
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
        help: how the learning rate moves, in one sentence.
        shape: the rate's factor, 0 to 1, from the settings, the iterations done since the warm-up (with
            fraction) and all iterations after the warm-up.
    """

    name: str
    help: str
    shape: Callable[[ScheduleConfig, float, int], float]


def learning_rate_factor(config: ScheduleConfig, iteration: float, iterations: int) -> float:
    """What the base learning rate is multiplied with, 0 to 1.

    After a linear warm-up the schedule takes the iterations that are left. `step`, `multi-step` and
    `exponential` change from one iteration to the next ("epoch-based"), `one-cycle` and `cosine` within an
    iteration too ("iteration-based"). `plateau` is constant here.

    Args:
        config: which schedule.
        iteration: how many iterations are done, with fraction (2.5: in the middle of the third).
        iterations: how many there will be.
    """
    if iteration < config.warmup:
        return max(iteration, 0.5) / (config.warmup + 1)
    length = max(iterations - config.warmup, 1)
    done = min(iteration - config.warmup, float(length))
    return SCHEDULES[config.kind].shape(config, done, length)


class Plateau:
    """A factor of the learning rate that falls when the loss has stopped falling.

    PyTorch's `ReduceLROnPlateau` drives it. An improvement is measured as a difference: losses may be
    negative, where a share less than the best one is no improvement.

    Args:
        config: its `gamma` and `patience` count, and only if its kind is `plateau`.
    """

    def __init__(self, config: ScheduleConfig) -> None:
        self._used = config.kind == "plateau"
        if self._used:  # else not even made: PyTorch's optimizers load its compiler, which takes seconds
            import torch

            # The scheduler moves the rate of an optimizer of its own, from 1 down.
            self._rate = torch.optim.SGD([torch.zeros(1)], lr=1.0)
            self._scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
                self._rate, factor=config.gamma, patience=config.patience, threshold_mode="abs"
            )

    @property
    def factor(self) -> float:
        """What the learning rate is multiplied with, 0 to 1; always 1 for another kind of schedule."""
        return float(self._rate.param_groups[0]["lr"]) if self._used else 1.0

    def step(self, loss: float) -> None:
        """Look at an iteration's loss."""
        if self._used:
            self._scheduler.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` restores; nothing for another kind of schedule."""
        if not self._used:
            return {}
        return {"scheduler": self._scheduler.state_dict(), "rate": self._rate.param_groups[0]["lr"]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another one was."""
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
    ScheduleKind(name="constant", help="Stays the same.", shape=_constant),
    ScheduleKind(name="step", help="Falls every so many iterations.", shape=_step),
    ScheduleKind(name="multi-step", help="Falls at given shares of the run.", shape=_multi_step),
    ScheduleKind(name="exponential", help="Falls after each iteration.", shape=_exponential),
    ScheduleKind(name="one-cycle", help="Rises at first, then falls to almost nothing.", shape=_one_cycle),
    ScheduleKind(name="cosine", help="Falls along a cosine, once or several times.", shape=_cosine),
    ScheduleKind(name="plateau", help="Falls when the loss has stopped falling.", shape=_constant),
):
    SCHEDULES.add(kind)
