# SPDX-License-Identifier: AGPL-3.0-only
"""Fair timing on a noisy machine: sides measured in turn, the first round discarded, medians of the rest."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.records import Interval

if TYPE_CHECKING:
    import torch


def alternate(
    sides: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    report: Callable[[str], object] = lambda line: None,
) -> dict[str, list[float]]:
    """Measure each side once a round, beginning each round with another side.

    Args:
        sides: name → does its work once and returns its figure (seconds, or a rate).
        rounds: counted rounds, at least 1; one more is run first and discarded.
        report: told each round as it ends.

    Returns:
        name → the figures of the counted rounds, in order, so that figures of one round belong together.
    """
    names = list(sides)
    if not names:
        return {}
    figures: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds + 1):
        turn = round_ % len(names)
        for name in names[turn:] + names[:turn]:
            figure = sides[name]()
            if round_:
                figures[name].append(figure)
        report(f"Round {round_} of {rounds}" if round_ else "Warm-up")
    return figures


def median_interval(figures: Sequence[float]) -> Interval:
    """The median with its interval of at least 95% from order statistics, which assume no distribution.

    The true median lies below the k-th smallest of n figures with the probability of fewer than k heads in n
    throws of a coin (Conover 1999, Practical Nonparametric Statistics, section 3.2). With fewer than six
    figures, not even the lowest and the highest enclose it in 95 of 100 cases; they are the bounds then.
    """
    ordered = sorted(figures)
    skipped, outside = 0, 1.0
    while (outside := outside + math.comb(len(ordered), skipped + 1)) / 2 ** len(ordered) <= 0.025:
        skipped += 1
    return Interval(value=statistics.median(ordered), low=ordered[skipped], high=ordered[-1 - skipped])


def device_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the device takes for some work: on CUDA between two events, elsewhere by the clock."""
    if device.type != "cuda":
        started_s = time.perf_counter()
        work()
        return time.perf_counter() - started_s
    import torch

    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) / 1000
