# SPDX-License-Identifier: AGPL-3.0-only
"""How the learning rate moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from engine.registries import SCHEDULES
from engine.settings import Settings, setting

_FALLING = ("schedule.kind", ("step", "multi-step", "exponential", "plateau"))

recipe = partial(setting, role="recipe", group="optimizer")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(Settings):
    """How the learning rate moves; see `engine.patch.schedules`."""

    TOPIC: ClassVar[str] = "schedule"

    kind: str = recipe(
        "cosine",
        "Schedule",
        "How the learning rate changes during the run.",
        choices=SCHEDULES,
        option="--schedule",
        called="schedule",
    )
    warmup: int = recipe(
        0,
        "Schedule: warm-up iterations",
        "Number of iterations over which the learning rate rises to its full value.",
        zero="off",
        bounds=(0, 100_000),
        option="--warmup",
        called="warm-up iterations",
    )
    cycles: int = recipe(
        1,
        "Schedule: cycles",
        "Number of times the learning rate falls from its full value to its floor.",
        bounds=(1, 1000),
        needs=("schedule.kind", ("cosine",)),
    )
    floor: float = recipe(
        0.0,
        "Schedule: floor",
        "Fraction of the learning rate that remains at the end.",
        bounds=(0, 1),
        needs=("schedule.kind", ("cosine",)),
    )
    gamma: float = recipe(
        0.5,
        "Schedule: gamma",
        "Factor applied to the learning rate at each decay.",
        bounds=(0.001, 1),
        needs=_FALLING,
    )
    every: int = recipe(
        30,
        "Schedule: decay interval",
        "Number of iterations between decays of the learning rate.",
        bounds=(1, 100_000),
        needs=("schedule.kind", ("step",)),
        called="schedule step iterations",
    )
    milestones: tuple[float, ...] = recipe(
        (0.5, 0.75),
        "Schedule: milestones",
        "Point of the run (0 to 1) at which the learning rate falls; repeatable.",
        bounds=(0, 1),
        needs=("schedule.kind", ("multi-step",)),
        group="",
        option="--schedule-milestone",
        called="schedule milestone",
    )
    patience: int = recipe(
        10,
        "Schedule: patience",
        "Number of iterations without improvement in the loss before the learning rate falls.",
        bounds=(1, 100_000),
        needs=("schedule.kind", ("plateau",)),
    )
