# SPDX-License-Identifier: AGPL-3.0-only
"""Suites of speed: batching and precision, by the throughput and the memory of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from engine.benchmark.memory import peak_memory
from engine.benchmark.rows import (
    exact_row,
    median_row,
    rate_rows,
    ratio_row,
)
from engine.benchmark.sides import CLAIMED_BF16, CLAIMED_SAVING, CLAIMED_SPEED, SAVED_BY_GROUPING
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate
from engine.errors import DeviceError
from engine.records import Measurement

CLAIMED_MEMORY_BYTES = {1: 0.5e9, 4: 2e9, 8: 4e9, 16: 8e9}
BATCHING_SIZES = (2, 4, 8, 16, 32)

Changes = Mapping[str, Any]


def measure_rates(
    subject: Subject, sides: Mapping[str, Changes], scale: Scale, report: Report
) -> dict[str, list[float]]:
    """Image-iterations a second of runs with different settings, in turn; what cannot run here is left out.

    A side's round holds two of its batches at least, or the scale's images.
    """
    with ExitStack() as stack:
        measured: dict[str, Callable[[], float]] = {}
        for side, changes in sides.items():
            try:
                run = subject.run(**changes)
            except DeviceError as error:
                report(f"{side}: {error}")
                continue
            steps = stack.enter_context(closing(run.iterate()))
            images = max(scale.images, 2 * run.batch_size)
            measured[side] = lambda steps=steps, images=images: subject.rate_of(steps, images)  # type: ignore[misc]
        return alternate(measured, rounds=scale.rounds, report=report)


def batching_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Speed of all plans and sizes in turn, then memory by size, each its own part."""
    plans = {"sequential": {"batching": "sequential", "batch_size": 1}} | {
        f"{batching}, batch {size}": {"batching": batching, "batch_size": size}
        for size in BATCHING_SIZES
        for batching in ("grouped", "ragged")
    }

    def speed(report: Report) -> list[Measurement]:
        figures = measure_rates(subject, plans, scale, report)
        rows = rate_rows(figures, plans)
        rows += [
            ratio_row(
                side,
                figures[side],
                figures["sequential"],
                "times sequential",
                CLAIMED_SPEED.get(int(str(changes["batch_size"]))),
                **changes,
            )
            for side, changes in plans.items()
        ]
        return [*rows, _saving(figures)]

    def memory(size: int) -> Part:
        def measure(report: Report) -> list[Measurement]:
            peak = peak_memory(subject, batch_size=size)
            report(f"ragged, batch {size}: {peak / 1e9:.2f} GB")
            return [exact_row(f"ragged, batch {size}", peak, "bytes", claimed, batch_size=size)]

        claimed = CLAIMED_MEMORY_BYTES[size]
        return Part(key=f"memory, batch {size}", measure=measure)

    return [Part(key="speed", measure=speed), *map(memory, CLAIMED_MEMORY_BYTES)]


def _saving(figures: Mapping[str, Sequence[float]]) -> Measurement:
    """What grouping at batch 8 saves of the time of sequential steps: 1 - the ratio of the rates."""
    ratio = ratio_row("", figures["sequential"], figures["grouped, batch 8"])
    saved = [1 - share for share in ratio.samples]
    return median_row(SAVED_BY_GROUPING, saved, "share", CLAIMED_SAVING)


def precision_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Speed of all precisions in turn, torch.compile on its own, then memory by precision."""
    sizes = (1, 8, 32, 128) if subject.detector.device.type == "cuda" else (1, 8)
    sides = {
        f"{precision}, batch {size}": {"precision": precision, "batch_size": size}
        for size in sizes
        for precision in ("fp32", "bf16", "fp16")
    }

    def speed(report: Report) -> list[Measurement]:
        return _against_fp32(measure_rates(subject, sides, scale, report), sides)

    def compiled(report: Report) -> list[Measurement]:
        # Whole images, one at a time: each other number of images would be compiled anew.
        plain: Changes = {"batch_size": 1, "batching": "sequential", "precision": "fp32"}
        pair: dict[str, Changes] = {"compile off": plain, "compile on": {**plain, "compile": True}}
        figures = measure_rates(subject, pair, scale, report)
        ratio = ratio_row("compile on", figures["compile on"], figures["compile off"], "times compile off")
        return [*rate_rows(figures, pair), ratio]

    def memory(precision: str) -> Part:
        def measure(report: Report) -> list[Measurement]:
            peak = peak_memory(subject, batch_size=8, precision=precision)
            report(f"{precision}, batch 8: {peak / 1e9:.2f} GB")
            return [exact_row(f"{precision}, batch 8", peak, "bytes", precision=precision, batch_size=8)]

        return Part(key=f"memory, {precision}", measure=measure, needs="cuda" if precision == "fp16" else "")

    return [
        Part(key="speed", measure=speed),
        Part(key="compile", measure=compiled),
        *map(memory, ("fp32", "bf16", "fp16")),
    ]


def _against_fp32(figures: Mapping[str, Sequence[float]], sides: Mapping[str, Changes]) -> list[Measurement]:
    """The rates, and those of lower precisions over fp32's at the same batch size."""
    rows = rate_rows(figures, sides)
    for side, samples in figures.items():
        precision, _, size = side.partition(", ")
        if precision != "fp32":
            rows.append(
                ratio_row(side, samples, figures[f"fp32, {size}"], "times fp32", CLAIMED_BF16, **sides[side])
            )
    return rows
