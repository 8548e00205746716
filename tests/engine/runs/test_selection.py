# SPDX-License-Identifier: AGPL-3.0-only
"""Which images a run takes, by its settings and its seed."""

from __future__ import annotations

import pytest

from engine.config import RunConfig
from engine.runs.selection import parted, taken


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(0, 0.0, 0), (5, 0.0, 0), (1, 0.5, 0), (2, 0.9, 1), (10, 0.3, 3), (5, 0.01, 1)],
)
def test_validation_images_are_set_apart(count: int, share: float, held_out: int) -> None:
    config = RunConfig(dataset="-", weights="-", validation_share=share, seed=3)
    training, validation = parted(range(count), config)
    assert len(validation) == held_out
    assert sorted(training + validation) == list(range(count))


@pytest.mark.parametrize(
    ("changes", "seen", "held_out"),
    [
        ({}, [1, 3, 4, 6], []),
        ({"include_empty": True}, [0, 1, 2, 3, 4, 5, 6], []),
        ({"validation_share": 0.5}, 2, 2),
        ({"max_images": 3, "validation_share": 0.3}, 2, 1),
    ],
)
def test_a_run_sees_what_is_neither_empty_nor_held_out(changes: dict, seen: object, held_out: object) -> None:
    config = RunConfig(dataset="streets", weights="demo", **({"validation_share": 0.0} | changes))
    found = taken(config, [0, 1, 0, 5, 2, 0, 1])
    for places, wanted in zip(found, (seen, held_out), strict=True):
        assert places == wanted if isinstance(wanted, list) else len(places) == wanted
    assert not set(found[0]) & set(found[1])
