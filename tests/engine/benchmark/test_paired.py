# SPDX-License-Identifier: AGPL-3.0-only
"""Differences over the same images and seeds: by hand, and in simulations whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.benchmark.paired import PairedEffect, Resampled, paired_effect
from engine.benchmark.suite import Claim
from engine.benchmark.verdicts import decide, factor_needed
from engine.evaluation.bootstrap import resample_counts
from tests.engine.benchmark.factories import interval

NAN = math.nan
TRUTH = -0.06
STRONGER = Claim(key="stronger", holds="", fails="", direction=-1, margin=0.05)


def scores(*values: float, spread: tuple[float, ...] = (0.0, 0.0)) -> list[Resampled]:
    """One entry a seed: its score, which deviates from it by the spread in the resamples."""
    return [(value, value + np.array(spread)) for value in values]


@pytest.mark.parametrize(
    ("side", "reference", "expected"),
    [
        (scores(0.5), scores(0.3), (0.2, 0.2, 0.2)),  # one seed, images that all agree
        (scores(0.5, 0.6), scores(0.3, 0.4), (0.2, 0.2, 0.2)),
        (scores(0.5, 0.7), scores(0.6, 0.8), (-0.1, -0.1, -0.1)),
        # Seeds that differ: by 0 and by 0.2, widened by sqrt(2) about their mean.
        (scores(0.3, 0.5), scores(0.3, 0.3), (0.1, 0.1 - 0.1 * 2**0.5, 0.1 + 0.1 * 2**0.5)),
        (scores(0.5, NAN), scores(0.3, 0.3), (NAN, NAN, NAN)),
        (scores(NAN), scores(NAN), (NAN, NAN, NAN)),
        # Resamples without a detected object are left out; without any other, there are no bounds.
        (scores(0.5, spread=(NAN, 0.1)), scores(0.3), (0.2, 0.3, 0.3)),
        (scores(0.5, spread=(NAN, NAN)), scores(0.3), (0.2, NAN, NAN)),
    ],
)
def test_the_mean_difference_by_hand(
    side: list[Resampled], reference: list[Resampled], expected: tuple[float, float, float]
) -> None:
    if len(side) > 1:  # many resamples, for the extremes of the seeds to be drawn
        side, reference = (
            [(value, np.repeat(each, 200)) for value, each in one] for one in (side, reference)
        )
    effect = paired_effect(side, reference)
    found = (effect.interval.value, effect.interval.low, effect.interval.high)
    assert found == pytest.approx(expected, nan_ok=True)
    assert effect.seeds == len(side)


def test_what_images_and_seeds_account_for() -> None:
    spread = scores(0.5, spread=(-0.1, 0.1))
    one = paired_effect(spread, scores(0.3))
    assert (one.over_images, one.over_seeds) == pytest.approx((0.01, 0.0))
    two = paired_effect(scores(0.3, 0.5), scores(0.3, 0.3))
    assert (two.over_images, two.over_seeds) == pytest.approx((0.0, 0.01))


def test_what_both_sides_share_does_not_count() -> None:
    shared = (-0.3, 0.0, 0.2, 0.3)
    effect = paired_effect(scores(0.5, 0.7, spread=shared), scores(0.4, 0.6, spread=shared)).interval
    assert (effect.low, effect.high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize(
    ("over_images", "over_seeds", "factor", "needs"),
    [
        (0.04, 0.0, math.inf, {}),
        (0.04, 0.0, 2.0, {"objects": 100}),
        (0.0, 0.04, 2.0, {"seeds": 5}),
        (0.02, 0.02, 4 / 3, {"objects": 100, "seeds": 5}),  # half of the one part is left
        (0.03, 0.01, 2.0, {"objects": 200}),  # even without the seeds' part, too much
        (0.02, 0.02, 4.0, {"times": 4}),
        (0.04, 0.0, 1.001, {"objects": 2}),
        (0.02, 0.02, 0.5, {"objects": 2, "seeds": 2}),
    ],
)
def test_what_it_would_take(
    over_images: float, over_seeds: float, factor: float, needs: dict[str, int]
) -> None:
    effect = PairedEffect(interval=interval(0.1), seeds=5, over_images=over_images, over_seeds=over_seeds)
    found = effect.needs(factor, objects=100)
    assert found.keys() == needs.keys()
    assert all(abs(found[name] - count) <= 1 for name, count in needs.items())  # it is rounded up


class Simulation:
    """Confidence retained of two ways to make a patch; the second is stronger by `TRUTH`, on average.

    Images differ by far more than the ways do, and each way does better on some images and with some seeds.
    """

    def __init__(
        self,
        seed: int,
        *,
        images: int = 80,
        seeds: int = 5,
        over_images: float = 0.15,
        over_seeds: float = 0.03,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.counts = resample_counts(images, resamples=300, seed=seed)
        hard = rng.normal(0.5, 0.3, images)
        better = rng.normal(TRUTH, over_images, images) + rng.normal(0, over_seeds, (seeds, 1))
        self.first = hard + rng.normal(0, 0.05, (seeds, images))
        self.second = hard + better + rng.normal(0, 0.05, (seeds, images))

    def of(self, values: np.ndarray) -> list[Resampled]:
        return [(float(each.mean()), self.counts @ each / len(each)) for each in values]

    def effect(self) -> PairedEffect:
        return paired_effect(self.of(self.second), self.of(self.first))

    def unpaired_width(self) -> float:
        """What the width would be if each side had been scored on images of its own."""
        alone = [paired_effect(self.of(side), self.of(side * 0)) for side in (self.first, self.second)]
        return math.hypot(*(each.interval.high - each.interval.low for each in alone))


def test_the_interval_covers_the_truth_and_pairs_are_narrower() -> None:
    covered, widths, unpaired = 0, [], []
    for seed in range(200):
        simulation = Simulation(seed)
        effect = simulation.effect().interval
        covered += effect.low <= TRUTH <= effect.high
        widths.append(effect.high - effect.low)
        unpaired.append(simulation.unpaired_width())
    assert covered >= 0.88 * 200
    assert np.mean(widths) < 0.6 * np.mean(unpaired)


@pytest.mark.parametrize(
    ("what", "size", "chance"),
    [
        ("objects", {"images": 40, "seeds": 5}, {"over_images": 0.3, "over_seeds": 0.01}),
        ("seeds", {"images": 200, "seeds": 5}, {"over_images": 0.05, "over_seeds": 0.08}),
    ],
)
def test_with_what_it_takes_most_are_decided(
    what: str, size: dict[str, int], chance: dict[str, float]
) -> None:
    """Each image has one object here."""
    undecided, decided = 0, 0
    for seed in range(120):
        effect = Simulation(seed, **size, **chance).effect()
        if decide(effect.interval, "difference", STRONGER, None) != "undecided":
            continue
        needs = effect.needs(factor_needed(effect.interval, "difference", STRONGER), objects=size["images"])
        more = {"objects": "images", "seeds": "seeds"}[what]
        again = Simulation(seed + 1000, **{**size, more: size[more] + needs[what]}, **chance).effect()
        undecided += 1
        decided += decide(again.interval, "difference", STRONGER, None) != "undecided"
    assert undecided > 30
    assert decided > 0.6 * undecided
