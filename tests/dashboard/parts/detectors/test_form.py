# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of the training's form; the rest is tested through the page."""

from __future__ import annotations

from dashboard.parts.detectors.form import COURSE, MORE, STRATEGIES
from dashboard.services.settings import TRAINING
from engine import config


def test_every_setting_that_matters_is_in_the_form() -> None:
    chosen = {"dataset", "weights", "classes", "strategy"}
    details = {key for key in TRAINING if key.startswith("schedule.") and key not in MORE}
    assert {*COURSE, *MORE, *chosen, *details} == set(TRAINING)
    assert set(STRATEGIES) == set(config.STRATEGIES)
