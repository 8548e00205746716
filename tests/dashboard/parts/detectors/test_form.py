# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of the training's form; the rest is tested through the page."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.parts.detectors.form import COURSE, MORE, STRATEGIES, _step, _within
from dashboard.services.settings import TRAINING
from engine import config


def test_every_setting_that_matters_is_in_the_form() -> None:
    chosen = {"dataset", "weights", "classes", "strategy"}
    details = {key for key in TRAINING if key.startswith("schedule.") and key not in MORE}
    assert {*COURSE, *MORE, *chosen, *details} == set(TRAINING)
    assert set(STRATEGIES) == set(config.STRATEGIES)


@pytest.mark.parametrize(
    ("text", "low", "high", "value"),
    [("", 0, 9, None), ("3", 0, 9, 3), ("10", 0, 9, None), ("0.5", 0.0, 1.0, 0.5), ("nan", 0.0, 1.0, None)],
)
def test_a_link_gives_numbers_within_their_bounds(text: str, low: Any, high: Any, value: Any) -> None:
    if value is None:
        with pytest.raises(ValueError):  # noqa: PT011
            _within(low, high)(text)
    else:
        assert _within(low, high)(text) == value


@pytest.mark.parametrize(("high", "step"), [(0.9, 0.05), (1.0, 0.001), (1e7, 60.0)])
def test_steps_suit_the_range(high: float, step: float) -> None:
    assert _step(high) == step
