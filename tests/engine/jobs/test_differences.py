# SPDX-License-Identifier: AGPL-3.0-only
"""Differences of scores: undefined ones, by images, by intervals."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.jobs.differences import difference

FOUND = [2, 0, 3, 1, 4, 2, 3, 2, 1, 2]
WEAK: dict[str, Any] = {"found": FOUND, "lost": [1, 0, 1, 0, 2, 1, 1, 1, 0, 1], "kept": [1.0] * 10}
STRONG = {"found": FOUND, "lost": [2, 0, 2, 1, 3, 2, 2, 2, 1, 2], "kept": [0.5] * 10}


def scores(asr: float | None, half: float | None = 0.2) -> dict[str, Any]:
    bounds = [None, None] if asr is None or half is None else [asr - half, asr + half]
    return {"asr": asr, "ap50": asr, "ci95": {"asr": bounds, "ap50": bounds}}


@pytest.mark.parametrize(("own", "other"), [(None, None), (0.5, None), (None, 0.5)])
def test_what_is_undefined_has_no_difference(own: float | None, other: float | None) -> None:
    assert difference("asr", scores(own), {}, scores(other), {}) is None


def test_over_the_same_images_the_difference_is_surer_than_by_intervals() -> None:
    paired = difference("asr", scores(0.85), STRONG, scores(0.4), WEAK)
    apart = difference("asr", scores(0.85), {}, scores(0.4), WEAK)
    assert paired is not None
    assert apart is not None
    assert (paired.paired, apart.paired) == (True, False)
    assert paired.interval.value == pytest.approx((17 - 8) / 20)
    assert paired.beyond_noise
    width, wide = (each.interval.high - each.interval.low for each in (paired, apart))
    assert width < wide


def test_a_run_does_not_differ_from_itself() -> None:
    found = difference(
        "confidence_retained", {"confidence_retained": 0.5}, WEAK, {"confidence_retained": 0.5}, WEAK
    )
    assert found is not None
    assert (found.interval.value, found.interval.low, found.interval.high) == (0, 0, 0)
    assert not found.beyond_noise


def test_other_objects_found_are_other_images_and_ap_has_intervals_alone() -> None:
    moved = STRONG | {"found": [*FOUND[:-1], 3]}
    for score, sums in (("asr", moved), ("ap50", STRONG)):
        found = difference(score, scores(0.8), sums, scores(0.4), WEAK)
        assert found is not None
        assert not found.paired
        assert (found.interval.low, found.interval.high) == pytest.approx(
            (0.4 - math.sqrt(0.08), 0.4 + math.sqrt(0.08))
        )
        assert found.beyond_noise


def test_without_intervals_nothing_is_beyond_noise() -> None:
    found = difference("asr", scores(0.8, None), {}, scores(0.4), {})
    assert found is not None
    assert found.interval.value == pytest.approx(0.4)
    assert not found.beyond_noise
