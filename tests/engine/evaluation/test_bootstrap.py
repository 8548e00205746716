# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import math

import numpy as np
import pytest

from engine.evaluation.bootstrap import interval, ratio_samples, resample_counts, total_ratio


@pytest.mark.parametrize("images", [0, 1, 7])
def test_each_resample_draws_as_many_images_as_there_are(images: int) -> None:
    counts = resample_counts(images, resamples=50, seed=3)
    assert counts.shape == (50, images)
    assert (counts.sum(axis=1) == images).all()


def test_draws_follow_the_seed() -> None:
    first, again, other = (resample_counts(9, resamples=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("numerators", "denominators", "expected"),
    [([], [], math.nan), ([0, 0], [0, 0], math.nan), ([1, 0], [2, 2], 0.25), ([3, 1], [1, 1], 2.0)],
)
def test_total_ratio(numerators: list[int], denominators: list[int], expected: float) -> None:
    ratio = total_ratio(np.array(numerators, dtype=np.int64), np.array(denominators, dtype=np.int64))
    assert ratio == pytest.approx(expected, nan_ok=True)


def test_ratio_samples_equal_the_ratio_of_the_images_drawn() -> None:
    numerators, denominators = np.array([1, 0, 2, 0]), np.array([1, 0, 4, 3])
    counts = resample_counts(4, resamples=40, seed=0)
    for row, sample in zip(counts, ratio_samples(numerators, denominators, counts), strict=True):
        drawn = np.repeat(np.arange(4), row)
        assert sample == pytest.approx(total_ratio(numerators[drawn], denominators[drawn]), nan_ok=True)


@pytest.mark.parametrize(
    ("value", "samples", "low", "high"),
    [
        (0.5, [], math.nan, math.nan),
        (math.nan, [0.1, 0.2], math.nan, math.nan),
        (0.5, [math.nan, math.nan], math.nan, math.nan),
        (0.5, [math.nan, *np.linspace(0, 1, 41)], 0.025, 0.975),
    ],
)
def test_interval(value: float, samples: list[float], low: float, high: float) -> None:
    found = interval(value, np.array(samples, dtype=float))
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), nan_ok=True)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        hits = rng.random(60) < 0.3
        samples = ratio_samples(
            hits.astype(np.int64), np.ones(60, dtype=np.int64), resample_counts(60, resamples=200, seed=seed)
        )
        found = interval(float(hits.mean()), samples)
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 200 <= 0.99
