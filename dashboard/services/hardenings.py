# SPDX-License-Identifier: AGPL-3.0-only
"""Hardenings as pages ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.services import datasets, detectors, outcomes
from dashboard.services.settings import HARDENING
from dashboard.services.storage import cached, opened
from engine.config import HardeningConfig
from engine.errors import EngineError
from engine.jobs import queue
from engine.jobs.kinds.harden import HardenRequest
from engine.records import Job, PatchRecord
from engine.settings import nest

DEFAULTS: dict[str, Any] = {key: each.default for key, each in HARDENING.items()}
PATCHES = 100  # offered for the pool


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A detector that a patch is strong against, and that can be hardened: what a hardening begins with."""

    dataset: str
    weights: str
    class_name: str
    patch: int


@cached(ttl_s=5)
def exposed(patch: PatchRecord) -> Exposed | None:
    """What a patch's score calls to be hardened.

    Returns:
        None unless the patch is stronger than a grey one on a detector that nothing stands in front of and
        that can be trained, on one class of a dataset that is still there.
    """
    score = patch.score
    if score is None or score.defences or outcomes.verdict(score.evaluation) != "stronger":
        return None
    dataset = next((each for each in datasets.summaries() if each.name == score.dataset), None)
    weights = _weights(patch, score.detector)
    if dataset is None or score.class_name not in dataset.class_names or weights is None:
        return None
    return Exposed(dataset=dataset.name, weights=weights, class_name=score.class_name, patch=patch.id)


def _weights(patch: PatchRecord, detector: str) -> str | None:
    """The weights that a score's detector was opened from, if pages may use them for a training."""
    made = patch.summary.get("config", {}).get("weights", "")
    for weights in (made, *detectors.detectors()):
        if Path(weights).stem == detector:
            try:
                return weights if detectors.can_be_trained(weights) else None
            except EngineError:  # it is gone, or lies elsewhere now
                continue
    return None


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
