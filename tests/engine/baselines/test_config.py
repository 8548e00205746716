# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import pytest

from engine.baselines.config import ArtConfig
from engine.errors import SettingsError


def test_the_rate_is_arts_own_in_our_scale_of_colours() -> None:
    assert ArtConfig().learning_rate * 255 == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": 0}, "iterations: expected 1 to 1000000, got 0"),
        ({"batch_size": 0}, "batch size: expected 1 to 1024, got 0"),
        ({"patch_size": 15}, "patch size: expected 16 to 512, got 15"),
        ({"learning_rate": 0.0}, "learning rate: expected 1e-06 to 10, got 0"),
        ({"scale_max": 1.1}, "largest scale: expected 0.01 to 1, got 1.1"),
        (
            {"scale_min": 0.5, "scale_max": 0.5},
            r"smallest scale: expected 0.01 to below the largest \(0.5\), got 0.5",
        ),
        ({"rotation_max_deg": 181.0}, "rotation: expected 0 to 180, got 181"),
        ({"shape": "star"}, "ART's patch shape: expected one of circle, square, got 'star'"),
        ({"seed": -1}, "seed: expected 0 to"),
    ],
)
def test_impossible_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ArtConfig(**settings)
