# SPDX-License-Identifier: AGPL-3.0-only
"""What a suite is: a question, how much work to do, and the measurements that answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.benchmark.subject import Subject
from engine.records import Interval, Measurement

__all__ = ["SCALES", "Answer", "Report", "Scale", "Suite", "exactly"]

Report = Callable[[str], object]
Answer = tuple[list[Measurement], str]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much work a suite does.

    Attributes:
        rounds: counted rounds of suites that measure speed.
        images: images of each side in a round.
        seconds: of generation in suites that measure strength.
        batch_sizes: those of suites that vary it.
    """

    rounds: int
    images: int
    seconds: float
    batch_sizes: tuple[int, ...]


SCALES = {
    "small": Scale(rounds=3, images=8, seconds=60, batch_sizes=(1, 8)),
    "medium": Scale(rounds=7, images=16, seconds=600, batch_sizes=(1, 2, 4, 8, 16)),
    "large": Scale(rounds=11, images=128, seconds=1800, batch_sizes=(1, 2, 4, 8, 16, 32, 64, 128)),
}


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question and how it is answered.

    Attributes:
        question: what it asks.
        measure: does the work; returns the measurements and the answer in one sentence.
    """

    question: str
    measure: Callable[[Subject, Scale, Report], Answer]


def exactly(value: float) -> Interval:
    """A figure measured once."""
    return Interval(value=value, low=value, high=value)
