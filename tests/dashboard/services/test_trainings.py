# SPDX-License-Identifier: AGPL-3.0-only
"""Weights on record, and settings of trainings from flat values."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.services import trainings
from engine.config import ScheduleConfig, TrainingConfig
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
    ("values", "changes"),
    [
        ({}, {}),
        ({"epochs": 3, "schedule.kind": "step"}, {"epochs": 3, "schedule": ScheduleConfig(kind="step")}),
    ],
)
def test_values_become_settings(values: dict[str, Any], changes: dict[str, Any]) -> None:
    assert trainings.built(NAMED | values) == TrainingConfig(**NAMED | changes)


def test_what_pages_may_not_name_is_refused(outside: str) -> None:
    with pytest.raises(SettingsError, match="expected a path below"):
        trainings.built(NAMED | {"weights": outside})


def test_a_training_is_queued_and_a_worker_asked_for(no_worker_is_started: list[str]) -> None:
    job = trainings.submit(TrainingConfig(**NAMED), trust=True, auto_resume=False)
    assert (job.kind, job.request["trust"], job.auto_resume) == ("train", True, False)
    assert no_worker_is_started == ["worker"]
