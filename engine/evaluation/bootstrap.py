# SPDX-License-Identifier: AGPL-3.0-only
"""Percentile bootstrap over images: how often each image is drawn, and the interval that follows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.boxes import FloatArray
from engine.records import Interval

IntArray = npt.NDArray[np.int64]


def resample_counts(images: int, *, resamples: int, seed: int) -> IntArray:
    """How often each image is drawn in each resample, int64 (resamples, images), rows summing to `images`.

    Drawing `images` images with replacement (Efron & Tibshirani 1993, ch. 6) is one multinomial draw, so
    a statistic that is a sum over images becomes a matrix product. The same seed and number of images give
    the same draws, which pairs the intervals of conditions measured on the same images.
    """
    if not images:
        return np.zeros((resamples, 0), dtype=np.int64)
    rng = np.random.default_rng(seed)
    return rng.multinomial(images, np.full(images, 1 / images), size=resamples)


def total_ratio(numerators: FloatArray, denominators: FloatArray) -> float:
    """Sum of (n,) over sum of (n,), NaN where the latter is 0."""
    denominator = denominators.sum()
    return float(numerators.sum() / denominator) if denominator else float("nan")


def ratio_samples(numerators: FloatArray, denominators: FloatArray, counts: IntArray) -> FloatArray:
    """`total_ratio` of each resample, (resamples,), NaN where a resample's denominator is 0."""
    above, below = counts @ numerators, counts @ denominators
    return np.divide(above, below, out=np.full(len(counts), np.nan), where=below > 0)


def interval(value: float, samples: FloatArray) -> Interval:
    """The value with the 2.5th and 97.5th percentile of the samples (r,) that are defined."""
    defined = samples[~np.isnan(samples)]
    if np.isnan(value) or not len(defined):
        return Interval(value=value, low=float("nan"), high=float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(value=value, low=float(low), high=float(high))
