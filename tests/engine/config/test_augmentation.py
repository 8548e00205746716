# SPDX-License-Identifier: AGPL-3.0-only
"""How much chance a step may add."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import AugmentationConfig
from engine.errors import SettingsError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift": -0.1}, "augmentation shift: expected 0 to 1, got -0.1"),
        ({"contrast": 1}, "augmentation contrast: expected 0 to 0.9, got 1"),
        ({"brightness": 1}, "augmentation brightness: expected 0 to 0.5, got 1"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        AugmentationConfig(**settings)
    assert str(caught.value).startswith(message)


def test_no_chance_at_all() -> None:
    assert set(vars(AugmentationConfig.none()).values()) == {0}
