# SPDX-License-Identifier: AGPL-3.0-only
"""Weights on record, and settings of trainings from flat values."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.services import trainings
from engine.config import (
    DefenceTrainingConfig,
    HardeningConfig,
    PlacementConfig,
    ScheduleConfig,
    TrainingConfig,
)
from engine.errors import SettingsError
from engine.store.repository import Repository
from tests.engine.store.test_weights import FACTS

NAMED = {"dataset": "demo", "weights": "demo"}


def test_nothing_is_known_at_first() -> None:
    trainings.known.clear()
    assert trainings.known() == []
    assert trainings.of_job(1) is None


def test_the_newest_weights_come_first_and_are_found_by_their_job() -> None:
    with Repository() as repository:
        old = repository.weights.put(**FACTS)
        new = repository.weights.put(**FACTS | {"checksum": "c1"}, origin={"job_id": 3})
    trainings.known.clear()
    assert trainings.known() == [new, old]
    assert trainings.of_job(3) == new


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("train", {}, TrainingConfig(**NAMED)),
        (
            "train",
            {"epochs": 3, "schedule.kind": "step"},
            TrainingConfig(**NAMED, epochs=3, schedule=ScheduleConfig(kind="step")),
        ),
        ("harden", {}, HardeningConfig(**NAMED)),
        (
            "harden",
            {"placement.scale": 0.3, "patches": ("1", "2"), "trial": "full"},
            HardeningConfig(**NAMED, placement=PlacementConfig(scale=0.3), patches=("1", "2"), trial="full"),
        ),
    ],
)
def test_values_become_settings(kind: str, values: dict[str, Any], expected: TrainingConfig) -> None:
    assert trainings.built(kind, NAMED | values) == expected


def test_a_defence_is_trained_without_weights() -> None:
    assert trainings.built("train-defence", {"dataset": "demo"}) == DefenceTrainingConfig(dataset="demo")


@pytest.mark.parametrize(("kind", "name"), [("train", "weights"), ("harden", "transfer_weights")])
def test_what_pages_may_not_name_is_refused(outside: str, kind: str, name: str) -> None:
    with pytest.raises(SettingsError, match="expected a path below"):
        trainings.built(kind, NAMED | {name: outside})


@pytest.mark.parametrize(
    ("kind", "config", "how"),
    [
        ("train", TrainingConfig(**NAMED), {"trust": True}),
        ("harden", HardeningConfig(**NAMED), {"auto_resume": True}),
        ("train-defence", DefenceTrainingConfig(dataset="demo"), {}),
    ],
)
def test_a_training_is_queued_and_a_worker_asked_for(
    no_worker_is_started: list[str], kind: str, config: Any, how: dict[str, bool]
) -> None:
    job = trainings.submit(kind, config, **how)
    assert (job.kind, job.request["config"]["dataset"]) == (kind, "demo")
    assert (job.request.get("trust", False), job.auto_resume) == (kind == "train", kind == "harden")
    assert no_worker_is_started == ["worker"]
