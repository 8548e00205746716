# SPDX-License-Identifier: AGPL-3.0-only
"""The weights on record; trainings, hardenings and defences' trainings as pages ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dashboard.services import datasets, detectors, workers
from dashboard.services.storage import cached, opened
from engine.config import DefenceTrainingConfig, HardeningConfig, TrainingConfig
from engine.jobs.kinds import KINDS
from engine.records import Job, WeightRecord
from engine.settings import declared, nest

CONFIGS: dict[str, Any] = {
    "train": TrainingConfig,
    "harden": HardeningConfig,
    "train-defence": DefenceTrainingConfig,
}
"""Kind of job → the class of its settings."""


@cached(ttl_s=2)
def known() -> list[WeightRecord]:
    """The weights on record, those recorded last first; unrecorded classes are read from the file."""
    with opened() as repository:
        found = list(reversed(repository.weights.all()))
    return [
        each if each.classes else replace(each, classes=detectors.known_class_names(each.path))
        for each in found
    ]


def of_job(job_id: int) -> WeightRecord | None:
    """What a training made, if that is on record."""
    return next((each for each in known() if each.origin.get("job_id") == job_id), None)


def built(kind: str, values: Mapping[str, Any]) -> Any:
    """The settings that flat values stand for, with files that pages may use; others are as by default.

    Args:
        kind: of `KINDS`.
        values: by key.

    Returns:
        Those of the kind, such as a `TrainingConfig`.

    Raises:
        SettingsError: one is out of range, two do not go together, or a file is outside the allowed folders.
    """
    defaults = {key: each.default for key, each in declared(CONFIGS[kind]).items()}
    config = CONFIGS[kind].from_json(nest(defaults | dict(values)))
    datasets.usable(config.dataset)
    for weights in (getattr(config, name, "") for name in ("weights", "transfer_weights")):
        if weights:
            detectors.usable(weights)
    return config


def submit(kind: str, config: Any, *, trust: bool = False, auto_resume: bool = False) -> Job:
    """Queue a training, and start a worker where none is alive.

    Args:
        kind, config: as of `built`.
        trust: open the weights whatever their pickle names.
        auto_resume: go on by itself after a crash.

    Raises:
        EngineError: it cannot be queued, or no worker can be started.
    """
    changes: dict[str, Any] = {"config": config} | ({"trust": True} if trust else {})
    return workers.submit(kind, KINDS[kind].request(**changes), auto_resume=auto_resume)
