# SPDX-License-Identifier: AGPL-3.0-only
"""Makes measurements and comparisons of the figures of rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.benchmark.suite import Claim
from engine.benchmark.timing import median_interval
from engine.benchmark.verdicts import decide, factor_needed
from engine.measurements import Axes, Comparison, Interval, Measurement

RATE = "image-iterations/s"
Claimed = tuple[float, float] | float | None


def measured(side: Axes, metric: str, samples: Sequence[float] | float, **facts: Any) -> Measurement:
    """The median of the rounds' figures, with the rounds kept; undefined ones (NaN) are left out.

    A single number is a figure without noise, or measured once: its interval has no width.
    """
    defined = _defined(samples)
    return Measurement(side=side, metric=metric, figure=_median(defined), facts=facts, samples=defined)


def rates(figures: Mapping[str, Sequence[float]], sides: Mapping[str, Axes]) -> list[Measurement]:
    """The measured speeds of sides, by their names in `alternate`."""
    return [measured(sides[name], RATE, samples) for name, samples in figures.items()]


def ratio(
    side: Axes,
    reference: Axes,
    metric: str,
    samples: tuple[Sequence[float] | float, Sequence[float] | float],
    claim: Claim | None = None,
    claimed: Claimed = None,
    unit: str = "times",
) -> Comparison:
    """The median over rounds of side / reference, and what it says about a claim.

    Args:
        side, reference: what is compared.
        metric: by which figure.
        samples: figures of the side and of the reference; those of one round belong together.
        claim: under test; None for none.
        claimed: the effect that the field claims here, in place of the claim's range.
        unit: of the effect: `times`, or `share` of something small.
    """
    first, second = ((each,) if isinstance(each, int | float) else each for each in samples)
    ratios = _defined([a / b if b else math.nan for a, b in zip(first, second, strict=True)])
    found = compared(side, reference, metric, unit, _median(ratios), claim, claimed)
    if found.outcome != "undecided" or claim is None or not found.effect.low < found.effect.high:
        return found
    factor = factor_needed(found.effect, unit, claim, found.claimed)
    if math.isinf(factor):
        return found
    return replace(found, needs={"rounds": max(math.ceil(len(ratios) * (factor - 1)), 2)})


def compared(
    side: Axes,
    reference: Axes,
    metric: str,
    unit: str,
    effect: Interval,
    claim: Claim | None = None,
    claimed: Claimed = None,
) -> Comparison:
    """A comparison with its outcome; see `ratio`."""
    if isinstance(claimed, int | float):
        claimed = (claimed, claimed)
    if claim is None:
        return Comparison(side=side, reference=reference, metric=metric, unit=unit, effect=effect)
    claimed = claimed or claim.expected
    return Comparison(
        side=side,
        reference=reference,
        metric=metric,
        unit=unit,
        effect=effect,
        claim=claim.key,
        claimed=claimed,
        outcome=decide(effect, unit, claim, claimed),
    )


def _defined(samples: Sequence[float] | float) -> tuple[float, ...]:
    values = (samples,) if isinstance(samples, int | float) else samples
    return tuple(float(value) for value in values if not math.isnan(value))


def _median(samples: Sequence[float]) -> Interval:
    return median_interval(samples) if samples else Interval(value=math.nan, low=math.nan, high=math.nan)
