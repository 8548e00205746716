# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of the training's form; the rest is tested through the page."""

from __future__ import annotations

import pytest

from dashboard.parts.detectors.form import COURSE, MORE, STRATEGIES, _step
from dashboard.services.settings import TRAINING
from engine import config


def test_every_setting_that_matters_is_in_the_form() -> None:
    chosen = {"dataset", "weights", "classes", "strategy"}
    details = {key for key in TRAINING if key.startswith("schedule.") and key not in MORE}
    assert {*COURSE, *MORE, *chosen, *details} == set(TRAINING)
    assert set(STRATEGIES) == set(config.STRATEGIES)


@pytest.mark.parametrize(("high", "step"), [(0.9, 0.05), (1.0, 0.001), (1e7, 60.0)])
def test_steps_suit_the_range(high: float, step: float) -> None:
    assert _step(high) == step
