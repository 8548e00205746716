# SPDX-License-Identifier: AGPL-3.0-only
"""What a hardening may begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashboard.services import datasets, detectors, hardenings
from dashboard.services.hardenings import Exposed
from engine.records import PatchRecord
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill


def test_no_patch_is_known_at_first() -> None:
    hardenings.patches.clear()
    assert hardenings.patches() == []


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
