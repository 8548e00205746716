# SPDX-License-Identifier: AGPL-3.0-only
"""Certified recall of a tiny detector on a handful of blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.runs.certifying import PLACES, certify

SEEKER = "object-seeker:lines=2:masked-score=0.1"


def test_recall_is_certified_in_each_place(settings: Callable[..., RunConfig]) -> None:
    done: list[int] = []
    found = certify(settings(defences=(SEEKER,)), patch_share=0.002, progress=done.append)
    assert (found["images"], found["objects"]) == (5, 7)
    assert tuple(found["certified"]) == tuple(found["ci95"]) == PLACES
    shares = found["certified"]
    assert shares["everywhere"] <= min(shares[place] for place in PLACES[:3])
    assert shares["far"] > 0
    for place, (low, high) in found["ci95"].items():
        assert low <= shares[place] <= high
    assert sum(done) == 5
    assert found["defences"] == ["object-seeker:lines=2:masked_score=0.1"]


def test_nothing_is_certified_where_nothing_is_found(
    settings: Callable[..., RunConfig], blind_weights: Any
) -> None:
    found = certify(settings(weights=str(blind_weights), defences=(SEEKER,)))
    assert found["certified"] == dict.fromkeys(PLACES, 0.0)


@pytest.mark.parametrize(
    ("changes", "how", "error"),
    [
        ({}, {}, "expected a certifying defence first, such as object-seeker, got none"),
        ({"defences": ("bit-depth",)}, {}, "got bit-depth"),
        ({"defences": ("bit-depth", SEEKER)}, {}, "got bit-depth object-seeker"),
        ({"defences": (SEEKER,)}, {"patch_share": 1.5}, "patch area: expected 0 to 1, got 1.5"),
        ({"defences": (SEEKER,)}, {"ioa": -1.0}, "ioa: expected 0 to 1, got -1"),
    ],
)
def test_what_cannot_be_certified_is_one_line(
    settings: Callable[..., RunConfig], changes: dict[str, Any], how: dict[str, float], error: str
) -> None:
    with pytest.raises(SettingsError, match=error):
        certify(settings(**changes), **how)
