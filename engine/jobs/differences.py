# SPDX-License-Identifier: AGPL-3.0-only
"""The difference of two patches' scores, image by image where that is on record, else by their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from engine.benchmark.paired import paired_effect
from engine.evaluation.bootstrap import IntArray, ratio_samples, resample_counts, total_ratio
from engine.measurements import Interval

RESAMPLES = 1000
PAIRED = {"asr": "lost", "confidence_retained": "kept"}  # score → its sums by image, over those `found`
Sums = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One score minus another, over the same images.

    Attributes:
        interval: with its 95% interval over images; NaN bounds where no interval is known.
        paired: by images, in which case what is hard about an image for both cancels; else by intervals.
    """

    interval: Interval
    paired: bool

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval excludes no difference."""
        return self.interval.low > 0 or self.interval.high < 0


def difference(
    score: str, scores: Mapping[str, Any], by_image: Sums, others: Mapping[str, Any], others_by_image: Sums
) -> Difference | None:
    """A patch's score minus that of a reference; None where either is undefined.

    Args:
        score: its name, such as `asr`.
        scores, others: of the patch and the reference, as `Scores.to_json` has them.
        by_image, others_by_image: their sums by image, see `PatchMetrics.by_image`; may be empty. The same
            objects found on the clean images, one by one, count as the same images.
    """
    value, reference = scores.get(score), others.get(score)
    if value is None or reference is None:
        return None
    if score in PAIRED and by_image and by_image.get("found") == others_by_image.get("found"):
        return Difference(interval=_paired(PAIRED[score], by_image, others_by_image), paired=True)
    bounds = (each.get("ci95", {}).get(score, (None, None)) for each in (scores, others))
    return Difference(interval=_unpaired(value, reference, *bounds), paired=False)


def _paired(sums: str, side: Sums, reference: Sums) -> Interval:
    found = np.asarray(side["found"], dtype=np.float64)
    counts = _counts(len(found))
    both = [np.asarray(each[sums], dtype=np.float64) for each in (side, reference)]
    resampled = [(total_ratio(each, found), ratio_samples(each, found, counts)) for each in both]
    return paired_effect(resampled[:1], resampled[1:]).interval


@lru_cache(maxsize=2)
def _counts(images: int) -> IntArray:
    """The resamples of so many images: drawing them takes longer than all that is done with them."""
    return resample_counts(images, resamples=RESAMPLES, seed=0)


def _unpaired(value: float, reference: float, own: Sequence[Any], others: Sequence[Any]) -> Interval:
    """The interval of a difference from those of its sides (MOVER: Zou and Donner 2008, Stat. Med. 27).

    It takes the sides for independent: of scores on the same images it is too wide rather than too narrow.
    """
    if None in (*own, *others):
        return Interval(value=value - reference, low=math.nan, high=math.nan)
    (low, high), (reference_low, reference_high) = own, others
    return Interval(
        value=value - reference,
        low=value - reference - math.hypot(value - low, reference_high - reference),
        high=value - reference + math.hypot(high - value, reference - reference_low),
    )
