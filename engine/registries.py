# SPDX-License-Identifier: AGPL-3.0-only
"""The registries that settings are checked against, which modules of higher layers fill."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from engine.registry import Registry

if TYPE_CHECKING:
    from engine.defences.kinds import DefenceKind
    from engine.detectors.families import DetectorFamily
    from engine.patch.losses.terms import LossTerm
    from engine.patch.optimizers import OptimizerKind
    from engine.patch.schedules import ScheduleKind

AUTO = "auto"
"""The architecture of a detector whose weights say it themselves."""


class _Architectures(Collection[str]):
    """`auto`, and the architectures of all families, which are looked up when they are needed."""

    def __contains__(self, name: object) -> bool:
        return any(name == each for each in self)

    def __iter__(self) -> Iterator[str]:
        yield AUTO
        for family in DETECTORS.things():
            yield from family.architectures

    def __len__(self) -> int:
        return sum(1 for _ in self)


DEFENCES: Registry[DefenceKind] = Registry("defence", "engine.defences")
DETECTORS: Registry[DetectorFamily] = Registry("detector family", "engine.detectors.families")
LOSSES: Registry[LossTerm] = Registry("loss", "engine.patch.losses")
OPTIMIZERS: Registry[OptimizerKind] = Registry("optimizer", "engine.patch.optimizers")
SCHEDULES: Registry[ScheduleKind] = Registry("schedule", "engine.patch.schedules")
ARCHITECTURES = _Architectures()
