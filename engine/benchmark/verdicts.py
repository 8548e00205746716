# SPDX-License-Identifier: AGPL-3.0-only
"""Decides what an effect says about a claim, and what it would take to decide more."""

from __future__ import annotations

import math

from engine.benchmark.suite import Claim
from engine.measurements import Interval

NULL = {"times": 1.0, "share": 0.0, "difference": 0.0}
"""Unit of an effect → the effect of no difference."""


def decide(effect: Interval, unit: str, claim: Claim, claimed: tuple[float, float] | None) -> str:
    """The outcome, one of `engine.measurements.OUTCOMES`.

    Args:
        effect: with its 95% interval.
        unit: of the effect, a key of `NULL`.
        claim: the claim under test.
        claimed: the range claimed for this comparison; None if the field names no number.

    Returns:
        `none` if the interval lies within the margin around no effect, `confirmed`, `larger` or `smaller` if
        it shows an effect in the claimed direction (beside the claimed range), `refuted` if in the other,
        else `undecided`. For a claim about a range: whether the interval lies inside it or outside.
    """
    low, high = effect.low, effect.high
    if math.isnan(low) or math.isnan(high):
        return "undecided"
    if claim.within and claimed is not None:
        if claimed[0] <= low and high <= claimed[1]:
            return "confirmed"
        return "refuted" if high < claimed[0] or low > claimed[1] else "undecided"
    null = NULL[unit]
    if null - claim.margin <= low and high <= null + claim.margin:
        return "none"
    if low <= null <= high:
        return "undecided"
    if (low > null) != (claim.direction > 0):
        return "refuted"
    return "confirmed" if claimed is None else _beside(effect, null, claimed)


def _beside(effect: Interval, null: float, claimed: tuple[float, float]) -> str:
    """How an effect in the claimed direction relates to the claimed range."""
    if effect.low <= claimed[1] and effect.high >= claimed[0]:
        return "confirmed"
    further = effect.low > claimed[1] if claimed[0] > null else effect.high < claimed[0]
    return "larger" if further else "smaller"


def factor_needed(
    effect: Interval, unit: str, claim: Claim, claimed: tuple[float, float] | None = None
) -> float:
    """By what factor there would have to be more data for such an effect to be decided.

    Half of the interval's width shrinks with the root of the data. It has to fall to the effect itself, to
    show that there is one, or to what is left of the margin beyond it, to show that none matters; for a claim
    about a range, to the distance from the range's nearer bound.

    Args:
        effect, unit, claim, claimed: see `decide`.

    Returns:
        The factor; infinite for an effect that lies on a bound.
    """
    if claim.within and claimed is not None:
        distance = min(abs(effect.value - bound) for bound in claimed)
    else:
        beyond = abs(effect.value - NULL[unit])
        distance = max(beyond, claim.margin - beyond)
    width = (effect.high - effect.low) / 2
    return (width / distance) ** 2 if distance else math.inf
