# SPDX-License-Identifier: AGPL-3.0-only
"""What settings can name: in order, each with its help."""

from __future__ import annotations

import pytest

from engine.registries import ARCHITECTURES, AUTO, DETECTORS, LOSSES, OPTIMIZERS, SCHEDULES
from engine.registry import Registry
from tests.engine.detectors.ragged_family import RAGGED


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        (
            LOSSES,
            [
                *("object", "overlap", "max_confidence", "total", "cls", "box", "dfl"),
                *("l1", "giou", "classifier", "objectness", "rpn", "centerness", "ce", "bbox", "tv"),
            ],
        ),
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


def test_architectures_are_those_of_all_families_and_none_in_particular() -> None:
    families = [name for family in DETECTORS.things() for name in family.architectures]
    assert list(ARCHITECTURES) == [AUTO, *families]
    assert len(ARCHITECTURES) == len(set(ARCHITECTURES)) > 1
    assert "ragged" not in ARCHITECTURES
    with DETECTORS.having(RAGGED):
        assert "ragged" in ARCHITECTURES
