# SPDX-License-Identifier: AGPL-3.0-only
"""What a suite is: a question, the parts that measure, and the sentence that answers from their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.benchmark.catalogue import Description
from engine.benchmark.said import Said
from engine.records import Measurement

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

Report = Callable[[str], object]


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
class Part:
    """A piece of a suite whose measurements are kept as it ends; what is compared by turns is one part.

    Attributes:
        key: its name within the suite, the same in every run: a run that goes on skips finished parts.
        measure: does the work and returns what it measured, at least one measurement; is told a function
            that takes a line about what goes on. Raises `RunInterruptedError` if that function does.
        needs: `cuda` if it can be done on such a device only, else empty.
    """

    key: str
    measure: Callable[[Report], Sequence[Measurement]]
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question and how it is answered.

    Attributes:
        about: name, question, claim and charts.
        parts: the parts on a subject at a scale, in order.
        answer: one sentence from all measurements of a run; parts that could not be done have none.
    """

    about: Description
    parts: Callable[[Subject, Scale], Sequence[Part]]
    answer: Callable[[Sequence[Measurement]], Said]
