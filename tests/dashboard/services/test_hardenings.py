# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of hardenings from flat values, and the queueing of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard.services import datasets, detectors, hardenings
from dashboard.services.hardenings import Exposed
from engine.config import HardeningConfig, PlacementConfig
from engine.errors import SettingsError
from engine.records import PatchRecord
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill

NAMED = {"dataset": "demo", "weights": "demo"}


def test_no_patch_is_known_at_first() -> None:
    hardenings.patches.clear()
    assert hardenings.patches() == []


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({}, {}),
        ({"placement.scale": 0.3}, {"placement": PlacementConfig(scale=0.3)}),
        ({"patches": ("1", "2"), "trial": "full"}, {"patches": ("1", "2"), "trial": "full"}),
    ],
)
def test_values_become_settings(values: dict[str, Any], changes: dict[str, Any]) -> None:
    assert hardenings.built(NAMED | values) == HardeningConfig(**NAMED | changes)


@pytest.mark.parametrize("name", ["weights", "transfer_weights"])
def test_what_pages_may_not_name_is_refused(outside: str, name: str) -> None:
    with pytest.raises(SettingsError, match="expected a path below"):
        hardenings.built(NAMED | {name: outside})


def test_a_hardening_is_queued_and_a_worker_asked_for(no_worker_is_started: list[str]) -> None:
    job = hardenings.submit(HardeningConfig(**NAMED), trust=True, auto_resume=False)
    assert (job.kind, job.request["trust"], job.auto_resume) == ("harden", True, False)
    assert no_worker_is_started == ["worker"]


@pytest.fixture
def patch() -> PatchRecord:
    """A patch that is strong against the embedded detector."""
    for each in (datasets.summaries, detectors.detectors, hardenings.exposed):
        each.clear()
    with Repository() as repository:
        return fill(repository, runs=1, steps=2)[0]


def test_what_a_strong_patch_exposes_is_what_it_was_scored_on(patch: PatchRecord) -> None:
    assert hardenings.exposed(patch) == Exposed(
        dataset=DATASET, weights="demo", class_name="person", patch=patch.id
    )


@pytest.mark.parametrize(
    "score",
    [
        None,
        {"defences": ("jpeg",)},
        {"dataset": "gone"},
        {"class_name": "man → person"},
        {"detector": "elsewhere"},
        {"evaluation": {"patch": {"asr": 0.1, "ci95": {"asr": [0, 1]}}, "controls": {}}},
    ],
)
def test_what_cannot_be_hardened_is_not_exposed(patch: PatchRecord, score: dict[str, Any] | None) -> None:
    assert patch.score is not None
    changed = None if score is None else replace(patch.score, **score)
    assert hardenings.exposed(replace(patch, score=changed)) is None
