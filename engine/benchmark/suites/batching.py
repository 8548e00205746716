# SPDX-License-Identifier: AGPL-3.0-only
"""Grouping by object count and bigger batches, by throughput and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, rates, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

SIZES = (2, 4, 8, 16, 32)
SEQUENTIAL: Axes = {"batching": "sequential", "batch_size": 1}
GROUPED: Axes = {"batching": "grouped", "batch_size": 8}
RAGGED: Axes = {"batching": "ragged", "batch_size": 8}
CLAIMED_SPEED = {2: 1.4, 4: 1.7, 8: 1.8}
CLAIMED_SAVING = 0.23
CLAIMED_MEMORY_BYTES = {1: 0.5e9, 4: 2e9, 8: 4e9, 16: 8e9}

GROUPING = Claim(
    key="grouping",
    holds="Grouping by object count is worth it",
    fails="Grouping by object count is not worth it",
)
SAVING = Claim(
    key="saving",
    holds="Grouped batches save time",
    fails="Grouped batches save no time",
    direction=-1,
    expected=(1 - CLAIMED_SAVING, 1 - CLAIMED_SAVING),
)
BATCHES = Claim(key="batches", holds="Bigger batches are faster", fails="Bigger batches are not faster")
MEMORY = Claim(key="memory", holds="Bigger batches take more memory", fails="They use no more memory")


def _speed(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.speed import measure_rates

    plans = [SEQUENTIAL] + [
        {"batching": batching, "batch_size": size} for size in SIZES for batching in ("grouped", "ragged")
    ]
    sides = {label(plan): plan for plan in plans}
    figures = measure_rates(subject, sides, scale, report)

    def pair(side: Axes, reference: Axes) -> tuple[list[float], list[float]]:
        return figures[label(side)], figures[label(reference)]

    speed = "image-iterations/s"
    return [
        *rates(figures, sides),
        ratio(GROUPED, RAGGED, speed, pair(GROUPED, RAGGED), GROUPING),
        ratio(GROUPED, SEQUENTIAL, "s/image", pair(SEQUENTIAL, GROUPED), SAVING),
        *(
            ratio(
                plan,
                SEQUENTIAL,
                speed,
                pair(plan, SEQUENTIAL),
                BATCHES,
                CLAIMED_SPEED.get(plan["batch_size"]),
            )
            for plan in plans[1:]
        ),
    ]


def _memory(subject: Subject, _scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.memory import peak_memory

    peaks = {}
    for size in CLAIMED_MEMORY_BYTES:
        peaks[size] = peak_memory(subject, batch_size=size)
        report(f"Batch {size}: {peaks[size] / 1e9:.2f} GB")
    sides = {size: {"batching": "ragged", "batch_size": size} for size in peaks}
    return [
        *(measured(sides[size], "bytes", peak) for size, peak in peaks.items()),
        *(
            ratio(
                sides[size],
                sides[1],
                "bytes",
                (peaks[size], peaks[1]),
                MEMORY,
                claimed / CLAIMED_MEMORY_BYTES[1],
            )
            for size, claimed in CLAIMED_MEMORY_BYTES.items()
            if size > 1
        ),
    ]


SUITES.add(
    Suite(
        name="batching",
        question="Does grouping images by object count make bigger batches pay off?",
        source="relative speed of 1.0, 1.4, 1.7, 1.8 at batch 1, 2, 4, 8; memory 0.5, 2, 4, 8 GB at batch 1, "
        "4, 8, 16; grouping saves 23% with 100 images and 50 iterations",
        claims=(GROUPING, SAVING, BATCHES, MEMORY),
        parts={"speed": _speed, "memory": _memory},
        names=("sequential", "grouped", "ragged"),
        on_cuda="peak device memory and device time by events",
    )
)
