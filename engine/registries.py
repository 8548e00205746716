# SPDX-License-Identifier: AGPL-3.0-only
"""The registries that settings are checked against, which modules of higher layers fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.registry import Registry

if TYPE_CHECKING:
    from engine.detectors.families import DetectorFamily
    from engine.patch.losses.terms import LossTerm
    from engine.patch.optimizers import OptimizerKind
    from engine.patch.schedules import ScheduleKind

DETECTORS: Registry[DetectorFamily] = Registry("detector family", "engine.detectors.families")
LOSSES: Registry[LossTerm] = Registry("loss", "engine.patch.losses")
OPTIMIZERS: Registry[OptimizerKind] = Registry("optimizer", "engine.patch.optimizers")
SCHEDULES: Registry[ScheduleKind] = Registry("schedule", "engine.patch.schedules")
