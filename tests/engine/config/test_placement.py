# SPDX-License-Identifier: AGPL-3.0-only
"""Where a patch may lie."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import PlacementConfig
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "none"}, "placement: expected one of fixed, object, random, got 'none'"),
        ({"scale": 2}, "placement scale: expected 0.01 to 1, got 2"),
        ({"rise": -2}, "placement rise: expected -1 to 1, got -2"),
        ({"position": (0.5, 1.5)}, "placement position: expected 0 to 1, got 1.5"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        PlacementConfig(**settings)
    assert str(caught.value).startswith(message)
