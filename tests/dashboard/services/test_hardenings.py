# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of hardenings from flat values, and the queueing of one."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.services import hardenings
from engine.config import HardeningConfig, PlacementConfig
from engine.errors import SettingsError

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
    with pytest.raises(SettingsError, match="expected one below"):
        hardenings.built(NAMED | {name: outside})


def test_a_hardening_is_queued_and_a_worker_asked_for(no_worker_is_started: list[str]) -> None:
    job = hardenings.submit(HardeningConfig(**NAMED), trust=True, auto_resume=False)
    assert (job.kind, job.request["trust"], job.auto_resume) == ("harden", True, False)
    assert no_worker_is_started == ["worker"]
