# SPDX-License-Identifier: AGPL-3.0-only
"""Ways to read a dataset's records, beside an iteration of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.records import ImageRecord

ITERATION = "an iteration of a run"
DATABASE, EACH_IMAGE, FILES = "one query a run", "one query an image", "files"
COSTLY = Claim(
    key="costly",
    holds="Reading from the database takes time",
    fails="Reading from the database has negligible cost",
    margin=0.01,
)
OTHER = Claim(key="other", holds="It costs time", fails="The cost is negligible", margin=0.01)


def _reading(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.timing import alternate

    def timed(read: Callable[[], Sequence[ImageRecord]]) -> Callable[[], float]:
        def measure() -> float:
            started = time.perf_counter()
            read()
            return time.perf_counter() - started

        return measure

    count = len(subject.records)
    with closing(subject.run().iterate()) as steps:
        ways = {name: timed(read) for name, read in subject.readers.items()}
        ways[ITERATION] = lambda: count / subject.rate_of(steps, scale.images)
        figures = alternate(ways, rounds=scale.rounds, report=report)
    sides = {name: {"reading": name} for name in figures}
    return [
        *(measured(sides[name], "s", samples, images=count) for name, samples in figures.items()),
        *(
            ratio(
                sides[name],
                sides[ITERATION],
                "s",
                (figures[name], figures[ITERATION]),
                COSTLY if name == DATABASE else OTHER,
                unit="share",
            )
            for name in subject.readers
        ),
    ]


SUITES.add(
    Suite(
        name="data-source",
        question="What does reading from the database cost?",
        source="“database overhead”",
        claims=(COSTLY, OTHER),
        parts={"reading": _reading},
        names=(ITERATION, DATABASE, EACH_IMAGE, FILES),
    )
)
