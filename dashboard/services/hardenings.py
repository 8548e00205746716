# SPDX-License-Identifier: AGPL-3.0-only
"""Hardenings as pages ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.services import datasets, detectors
from dashboard.services.settings import HARDENING
from dashboard.services.storage import cached, opened
from engine.config import HardeningConfig
from engine.jobs import queue
from engine.jobs.kinds.harden import HardenRequest
from engine.records import Job, PatchRecord
from engine.settings import nest

DEFAULTS: dict[str, Any] = {key: each.default for key, each in HARDENING.items()}
PATCHES = 100  # offered for the pool


@cached(ttl_s=5)
def patches() -> list[PatchRecord]:
    """The patches that a pool may begin with, the newest first."""
    with opened() as repository:
        return repository.patches.find(limit=PATCHES)


def built(values: Mapping[str, Any]) -> HardeningConfig:
    """The settings that flat values stand for, with files that pages may use; others are as by default.

    Raises:
        SettingsError: one is out of range, two do not go together, or a file is outside the allowed folders.
    """
    config = HardeningConfig.from_json(nest(DEFAULTS | dict(values)))
    datasets.usable(config.dataset)
    detectors.usable(config.weights)
    if config.transfer_weights:
        detectors.usable(config.transfer_weights)
    return config


def submit(config: HardeningConfig, *, trust: bool, auto_resume: bool) -> Job:
    """Queue a hardening, and start a worker where none is alive.

    Raises:
        EngineError: it cannot be queued, or no worker can be started.
    """
    with opened() as repository:
        request = HardenRequest(config=config, trust=trust)
        job = queue.submit(repository, "harden", request, auto_resume=auto_resume)
        queue.ensure_worker(repository, job.device)
    return job
