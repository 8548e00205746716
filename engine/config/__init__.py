# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of patch runs and trainings, and the folder that everything is kept in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.config.augmentation import AugmentationConfig
from engine.config.defence_training import DefenceTrainingConfig
from engine.config.hardening import TRIALS, HardeningConfig
from engine.config.placement import PlacementConfig
from engine.config.run import (
    BATCHINGS,
    PRECISIONS,
    PRESETS,
    SAMPLINGS,
    RunConfig,
    compile_choice,
)
from engine.config.schedule import ScheduleConfig
from engine.config.subject import trusted_weights
from engine.config.training import DETECTOR_OPTIMIZERS, STRATEGIES, TrainingConfig
from engine.errors import SettingsError
from engine.excerpts import short_repr

__all__ = [
    "BATCHINGS",
    "DEMO_SETTINGS",
    "DETECTOR_OPTIMIZERS",
    "PRECISIONS",
    "PRESETS",
    "SAMPLINGS",
    "STRATEGIES",
    "TRIALS",
    "AugmentationConfig",
    "DefenceTrainingConfig",
    "HardeningConfig",
    "PlacementConfig",
    "RunConfig",
    "ScheduleConfig",
    "TrainingConfig",
    "autostart",
    "compile_choice",
    "home_folder",
    "trusted_weights",
]

# Measured: what makes a patch within two minutes on two CPU cores that beats its controls clearly.
DEMO_SETTINGS: dict[str, Any] = {
    "dataset": "demo",
    "weights": "demo",
    "image_size": 320,
    "learning_rate": 0.03,  # ahead of the default in the demo's short time
    "time_limit_s": 75.0,
    "validation_share": 0.3,
    "validate_every": 1_000_000,
}


def home_folder() -> Path:
    """The folder of the database and the results: `PATCHBENCH_HOME`, by default `./data`. Not created."""
    return Path(os.environ.get("PATCHBENCH_HOME") or "data").expanduser().resolve()


def autostart() -> bool:
    """Whether a worker and a previewer are started where none is alive; `PATCHBENCH_AUTOSTART=no` forbids it.

    Where each has a container of its own, a restart must not make the dashboard start another beside it.

    Raises:
        SettingsError: the variable is neither `yes` nor `no`.
    """
    value = os.environ.get("PATCHBENCH_AUTOSTART") or "yes"
    if value not in ("yes", "no"):
        raise SettingsError(f"PATCHBENCH_AUTOSTART: expected yes or no, got {short_repr(value)}; correct it")
    return value == "yes"
