# SPDX-License-Identifier: AGPL-3.0-only
"""How the learning rate moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from engine.registries import SCHEDULES
from engine.settings import Settings, setting

_COSINE = ("schedule.kind", ("cosine",))
_FALLING = ("schedule.kind", ("step", "multi-step", "exponential", "plateau"))

recipe = partial(setting, role="recipe", group="optimizer")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(Settings):
    """How the learning rate moves; see `engine.patch.schedules`."""

    TOPIC: ClassVar[str] = "schedule"

    kind: str = recipe(
        "cosine",
        "Schedule",
        "How the learning rate moves during the run.",
        choices=SCHEDULES,
        option="--schedule",
        called="schedule",
    )
    warmup: int = recipe(
        0,
        "Schedule: warm-up iterations",
        "Iterations in which the rate rises to its full value.",
        zero="off",
        bounds=(0, 100_000),
        option="--warmup",
        called="warm-up iterations",
    )
    cycles: int = recipe(
        1,
        "Schedule: cycles",
        "How many times the rate falls from its full value to its floor.",
        bounds=(1, 1000),
        needs=("schedule.kind", ("cosine",)),
    )
    floor: float = recipe(
        0.0,
        "Schedule: floor",
        "Share of the rate that is left at the end.",
        bounds=(0, 1),
        needs=("schedule.kind", ("cosine",)),
    )
    gamma: float = recipe(
        0.5, "Schedule: gamma", "Factor of the rate at each fall.", bounds=(0.001, 1), needs=_FALLING
    )
    every: int = recipe(
        30,
        "Schedule: step iterations",
        "Iterations between two falls.",
        bounds=(1, 100_000),
        needs=("schedule.kind", ("step",)),
        called="schedule step iterations",
    )
    milestones: tuple[float, ...] = recipe(
        (0.5, 0.75),
        "Schedule: milestones",
        "Share of the run at which the rate falls, repeatable.",
        bounds=(0, 1),
        needs=("schedule.kind", ("multi-step",)),
        group="",
        option="--schedule-milestone",
        called="schedule milestone",
    )
    patience: int = recipe(
        10,
        "Schedule: patience",
        "Iterations without a better loss before the rate falls.",
        bounds=(1, 100_000),
        needs=("schedule.kind", ("plateau",)),
    )
