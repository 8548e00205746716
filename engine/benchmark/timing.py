# SPDX-License-Identifier: AGPL-3.0-only
"""Fair timing on a noisy machine: sides measured in turn, the first round discarded, medians of the rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.records import Interval

if TYPE_CHECKING:
    import torch

RESAMPLES = 2000


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
    """The median with its 95% bootstrap interval over rounds."""
    values = np.asarray(figures, dtype=float)
    rng = np.random.default_rng(0)
    medians = np.median(values[rng.integers(len(values), size=(RESAMPLES, len(values)))], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return Interval(value=statistics.median(figures), low=float(low), high=float(high))


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
