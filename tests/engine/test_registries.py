# SPDX-License-Identifier: AGPL-3.0-only
"""What settings can name: in order, each with its help."""

from __future__ import annotations

import pytest

from engine.registries import LOSSES, OPTIMIZERS, SCHEDULES
from engine.registry import Registry


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        (LOSSES, ["object", "overlap", "max_confidence", "total", "cls", "box", "dfl", "tv"]),
        (OPTIMIZERS, ["pyramid-adam", "adam", "adamw", "sign", "sign-momentum"]),
        (
            SCHEDULES,
            ["constant", "step", "multi-step", "exponential", "one-cycle", "cosine", "plateau"],
        ),
    ],
)
def test_names_stand_in_their_order_and_have_a_help(registry: Registry, names: list[str]) -> None:
    assert list(registry) == names
    assert all(thing.help.endswith(".") for thing in registry.things())
