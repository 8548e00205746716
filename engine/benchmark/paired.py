# SPDX-License-Identifier: AGPL-3.0-only
"""The difference of two sides over the same images and seeds, and what it would take to decide more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.boxes import FloatArray
from engine.measurements import Interval

RESAMPLES = 2000
Resampled = tuple[float, FloatArray]


@dataclass(frozen=True, kw_only=True)
class PairedEffect:
    """The mean difference over seeds.

    Attributes:
        interval: with its 95% interval.
        seeds: number of seeds.
        over_images, over_seeds: variance of the mean that the images and the seeds account for.
    """

    interval: Interval
    seeds: int
    over_images: float
    over_seeds: float

    def needs(self, factor: float, *, objects: int) -> dict[str, int]:
        """How many more objects or seeds, each alone, would decide an effect of this size.

        Where neither alone would: how many times the objects and seeds together; nothing if that would not.

        Args:
            factor: by which the variance has to fall, as `verdicts.factor_needed` tells.
            objects: number of objects that it was measured on.
        """
        if math.isinf(factor):
            return {}
        allowed = (self.over_images + self.over_seeds) / factor
        found = {}
        if allowed > self.over_seeds and self.over_images:
            more = objects * (self.over_images / (allowed - self.over_seeds) - 1)
            found["objects"] = max(math.ceil(more), 2)
        if allowed > self.over_images and self.over_seeds:
            more = self.seeds * (self.over_seeds / (allowed - self.over_images) - 1)
            found["seeds"] = max(math.ceil(more), 2)
        return found or {"times": max(math.ceil(factor), 2)}


def paired_effect(side: Sequence[Resampled], reference: Sequence[Resampled]) -> PairedEffect:
    """The mean over seeds of side - reference.

    A bootstrap over images and seeds together: each resample draws images and seeds with replacement, the
    same for both sides. Deviations due to seeds are widened by sqrt(s / (s - 1)), as a bootstrap of few
    values understates their variance (Rao and Wu 1988, JASA 83, section 2).

    Args:
        side, reference: one entry a seed, in the same order: the score on all images, and on each resample of
            the images, (resamples,), the same resamples for all.
    """
    values = np.array([a[0] - b[0] for a, b in zip(side, reference, strict=True)])
    samples = np.array([a[1] - b[1] for a, b in zip(side, reference, strict=True)])  # (seeds, resamples)
    seeds, resamples = samples.shape
    by_images = samples.mean(axis=0)
    drawn = np.random.default_rng(0).integers(seeds, size=(seeds, resamples))
    by_both = np.take_along_axis(samples, drawn, axis=0).mean(axis=0)
    widening = math.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0
    whole = by_images + widening * (by_both - by_images)
    defined = whole[~np.isnan(whole)]
    low = high = math.nan
    over_images = 0.0
    if not np.isnan(values).any() and len(defined):
        low, high = (float(bound) for bound in np.percentile(defined, [2.5, 97.5]))
        over_images = float(np.nanvar(by_images))
    return PairedEffect(
        interval=Interval(value=float(values.mean()), low=low, high=high),
        seeds=seeds,
        over_images=over_images,
        over_seeds=float(values.var(ddof=1) / seeds) if seeds > 1 else 0.0,
    )
