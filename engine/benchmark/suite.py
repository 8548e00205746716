# SPDX-License-Identifier: AGPL-3.0-only
"""What a suite is: a question, the claims that it tests, and the parts that measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.measurements import Comparison, Measurement
from engine.registry import Registry

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

Report = Callable[[str], object]
Row = Measurement | Comparison
Measure = Callable[["Subject", "Scale", Report], Sequence[Row]]
"""Does the work of a part, calling back with lines on progress, and raises what that function raises."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much work a suite does.

    Attributes:
        rounds: counted rounds of suites that measure speed.
        images: images of each side in a round.
        seconds: of each run of the suite `strength`.
        strength_seeds: runs of that suite.
        batch_sizes: those of suites that vary it.
        seeds: runs of each side in suites that compare strength.
        compared_s: seconds of all runs of such a suite together, where they do equal time.
        iterations: of each run in such a suite, where they do equal work.
        scored: the most held-out images that patches are scored on.
        defences: how many of the offered defences are tried.
    """

    rounds: int
    images: int
    seconds: float
    batch_sizes: tuple[int, ...]
    seeds: int
    compared_s: float
    iterations: int
    scored: int = 400
    strength_seeds: int = 1
    defences: int = 6


SCALES = {
    "small": Scale(
        rounds=7,
        images=8,
        seconds=60,
        batch_sizes=(1, 8),
        seeds=3,
        compared_s=120,
        iterations=3,
        scored=100,
        defences=3,
    ),
    "medium": Scale(
        rounds=9,
        images=16,
        seconds=600,
        batch_sizes=(1, 2, 4, 8, 16),
        seeds=4,
        compared_s=200,
        iterations=6,
        defences=5,
    ),
    "large": Scale(
        rounds=15,
        images=128,
        seconds=1800,
        batch_sizes=(1, 2, 4, 8, 16, 32, 64, 128),
        seeds=7,
        compared_s=3600,
        iterations=60,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a comparison tests.

    Attributes:
        key: its name within the suite.
        holds: the claim in words, as a headline says it where the comparison confirms it.
        fails: its opposite.
        direction: whether the claimed effect is an increase (1) or a decrease (-1).
        margin: the smallest effect that matters, as a distance from no effect.
        expected: lowest and highest effect that the field claims; None if it names no number.
        within: the claim is that the effect lies within `expected`, not that there is one.
    """

    key: str
    holds: str
    fails: str
    direction: int = 1
    margin: float = 0.05
    expected: tuple[float, float] | None = None
    within: bool = False


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question and how it is answered. A module of `engine.benchmark.suites` holds one, free of torch.

    Attributes:
        name: what it is called by.
        question: that it answers.
        parts: key → what measures it, in order. Its rows are stored as it ends, at least one of them a
            measurement, and a resumed run skips it; sides that are measured in turn form one part.
        claims: those that it tests; the headline tells of the first.
        source: what the field says, in its words; empty if nothing.
        names: words in its sides, for translation.
        on_cuda: what it measures on a CUDA device only; empty if nothing.
        needs_cuda: keys of the parts that can be done there only.
        detectors: the fewest that it measures; the subject has those after the first as `further`.
    """

    name: str
    question: str
    parts: Mapping[str, Measure]
    claims: tuple[Claim, ...]
    source: str = ""
    names: tuple[str, ...] = ()
    on_cuda: str = ""
    needs_cuda: tuple[str, ...] = ()
    detectors: int = 1

    @property
    def help(self) -> str:
        """The question, as registries list it."""
        return self.question

    def claim(self, key: str) -> Claim | None:
        """The claim of that key, None if this version of the suite has none."""
        return next((claim for claim in self.claims if claim.key == key), None)


SUITES: Registry[Suite] = Registry("suite", "engine.benchmark.suites")
