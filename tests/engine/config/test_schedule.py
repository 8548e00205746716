# SPDX-License-Identifier: AGPL-3.0-only
"""How the learning rate may move."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import ScheduleConfig
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "linear"}, "schedule: expected one of constant, cosine, exponential"),
        ({"warmup": -1}, "warm-up iterations: expected 0 to 100000, got -1"),
        ({"cycles": 0}, "schedule cycles: expected 1 to 1000, got 0"),
        ({"floor": 2}, "schedule floor: expected 0 to 1, got 2"),
        ({"patience": 0}, "schedule patience: expected 1 to 100000, got 0"),
        ({"milestones": (0.5, 2)}, "schedule milestone: expected 0 to 1, got 2"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ScheduleConfig(**settings)
    assert str(caught.value).startswith(message)
