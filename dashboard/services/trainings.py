# SPDX-License-Identifier: AGPL-3.0-only
"""The weights on record, and trainings as pages ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.services import datasets, detectors
from dashboard.services.settings import TRAINING
from dashboard.services.storage import cached, opened
from engine.config import TrainingConfig
from engine.jobs import queue
from engine.jobs.kinds.train import TrainRequest
from engine.records import Job, WeightRecord
from engine.settings import nest

DEFAULTS: dict[str, Any] = {key: each.default for key, each in TRAINING.items()}


@cached(ttl_s=2)
def known() -> list[WeightRecord]:
    """The weights on record, those recorded last first."""
    with opened() as repository:
        return list(reversed(repository.weights.all()))


def of_job(job_id: int) -> WeightRecord | None:
    """What a training made, if that is on record."""
    return next((each for each in known() if each.origin.get("job_id") == job_id), None)


def built(values: Mapping[str, Any]) -> TrainingConfig:
    """The settings that flat values stand for, with files that pages may use; others are as by default.

    Raises:
        SettingsError: one is out of range, two do not go together, or a file is outside the allowed folders.
    """
    config = TrainingConfig.from_json(nest(DEFAULTS | dict(values)))
    datasets.usable(config.dataset)
    detectors.usable(config.weights)
    return config


def submit(config: TrainingConfig, *, trust: bool, auto_resume: bool) -> Job:
    """Queue a training, and start a worker where none is alive.

    Raises:
        EngineError: it cannot be queued, or no worker can be started.
    """
    with opened() as repository:
        request = TrainRequest(config=config, trust=trust)
        job = queue.submit(repository, "train", request, auto_resume=auto_resume)
        queue.ensure_worker(repository, job.device)
    return job
