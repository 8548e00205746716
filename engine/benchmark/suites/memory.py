# SPDX-License-Identifier: AGPL-3.0-only
"""Peak memory by batch size, with views and with whole images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

VIEWS, WHOLE = "views", "whole images"
LESS = Claim(
    key="less",
    holds="Memory grows less than the batch",
    fails="Memory grows as fast as the batch",
    within=True,
)
SAVED = Claim(key="saved", holds="Views save memory", fails="Views save no memory", direction=-1)


def _measure(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.memory import peak_memory

    sizes = scale.batch_sizes
    peaks: dict[tuple[str, int], int] = {}
    sides: dict[tuple[str, int], Axes] = {}
    for view, view_size in ((VIEWS, subject.config.view_size), (WHOLE, 0)):
        for size in sizes:
            key = view, size
            sides[key] = {"view": view, "batch_size": size}
            peaks[key] = peak_memory(subject, batch_size=size, view_size=view_size)
            report(f"{label(sides[key])}: {peaks[key] / 2**20:.0f} MiB")

    def compared(side: tuple[str, int], reference: tuple[str, int], claim: Claim) -> Row:
        bound = (-math.inf, 0.95 * side[1]) if claim is LESS else None
        pair = peaks[side], peaks[reference]
        return ratio(sides[side], sides[reference], "bytes", pair, claim, bound)

    rows: list[Row] = [measured(sides[key], "bytes", peak) for key, peak in peaks.items()]
    rows += [
        compared((view, size), (view, sizes[0]), LESS)
        for view in (VIEWS, WHOLE)
        for size in reversed(sizes[1:])
    ]
    return rows + [compared((VIEWS, size), (WHOLE, size), SAVED) for size in sizes]


SUITES.add(
    Suite(
        name="memory",
        question="How much memory does a batch size take?",
        claims=(LESS, SAVED),
        parts={"peaks": _measure},
        names=(VIEWS, WHOLE),
        on_cuda="peak device memory",
    )
)
