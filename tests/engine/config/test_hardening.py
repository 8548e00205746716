# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a hardening: those of a training, some of them with other defaults."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import HardeningConfig
from engine.errors import SettingsError


def settings(**changes: Any) -> HardeningConfig:
    return HardeningConfig(dataset="demo", weights="demo", **changes)


def test_they_survive_json_and_make_attacks() -> None:
    config = settings(patches=("a.npy", "a.npy", "3"), patch_size=32, seed=4)
    assert HardeningConfig.from_json(config.to_json()) == config
    assert config.patches == ("a.npy", "3")
    attack = config.attack(iterations=2)
    assert (attack.patch_width, attack.patch_height, attack.seed, attack.iterations) == (32, 32, 4, 2)
    assert (attack.class_name, attack.placement) == ("person", config.placement)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_name": " "}, "class: expected the name of a class, got none"),
        (
            {"classes": ("car",)},
            "classes to learn: expected person among them, got car; add --learn 'person'",
        ),
        ({"strategy": "scratch"}, "strategy: expected one of head, whole, got 'scratch'"),
        ({"early_stop": 3}, "early stop: expected 0 for a hardening, which keeps its last weights, got 3"),
        ({"renew_every": 0}, "patches: expected an initial patch, as none is generated, got none"),
        ({"patched_share": 0.0}, "patched share: expected 0.05 to 1, got 0"),
        ({"trial": "long"}, "trial: expected one of full, short, got 'long'"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(**changes)
