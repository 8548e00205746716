# SPDX-License-Identifier: AGPL-3.0-only
"""Mixed precision and torch.compile, by throughput and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.benchmark.rows import RATE, measured, rates, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

FASTER = Claim(
    key="faster",
    holds="Mixed precision is faster",
    fails="Mixed precision is not faster",
    expected=(1.3, 1.4),
)
COMPILED = Claim(key="compiled", holds="Compiling is faster", fails="Compiling is not faster")
MEMORY = Claim(
    key="memory",
    holds="Mixed precision saves memory",
    fails="Mixed precision saves no memory",
    direction=-1,
    expected=(0.5, 0.5),
)
UNCOMPILED: Axes = {"compile": "not compiled"}


def _speed(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.speed import measure_rates

    sizes = (8, 1, 32, 128) if subject.detector.device.type == "cuda" else (8, 1)
    precisions = ("fp32", "bf16", "fp16")
    plans: list[Axes] = [
        {"precision": precision, "batch_size": size} for size in sizes for precision in precisions
    ]
    sides = {label(plan): plan for plan in plans}
    figures = measure_rates(subject, sides, scale, report)
    rows: list[Row] = [*rates(figures, sides)]
    for name, samples in figures.items():
        reference = sides[name] | {"precision": "fp32"}
        if reference != sides[name]:
            rows.append(ratio(sides[name], reference, RATE, (samples, figures[label(reference)]), FASTER))
    return rows


def _compiled(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.speed import measure_rates

    # Whole images, one at a time: each other number of images would be compiled anew.
    plain = {"batch_size": 1, "batching": "sequential", "precision": "fp32"}
    compiled: Axes = {"compile": "compiled"}
    runs = {label(UNCOMPILED): plain, label(compiled): {**plain, "compile": "on"}}
    figures = measure_rates(subject, runs, scale, report)
    pair = figures[label(compiled)], figures[label(UNCOMPILED)]
    sides = {label(side): side for side in (UNCOMPILED, compiled)}
    return [*rates(figures, sides), ratio(compiled, UNCOMPILED, RATE, pair, COMPILED)]


def _memory(subject: Subject, _scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.memory import peak_memory

    halves = ("bf16", "fp16") if subject.detector.device.type == "cuda" else ("bf16",)
    full, *others = ({"precision": precision, "batch_size": 8} for precision in ("fp32", *halves))
    reference = peak_memory(subject, **full)
    rows: list[Row] = [measured(full, "bytes", reference)]
    for side in others:
        peak = peak_memory(subject, **side)
        report(f"{label(side)}: {peak / 1e9:.2f} GB, fp32: {reference / 1e9:.2f} GB")
        rows += [measured(side, "bytes", peak), ratio(side, full, "bytes", (peak, reference), MEMORY)]
    return rows


SUITES.add(
    Suite(
        name="precision",
        question="What does mixed precision gain?",
        source="30 to 40% faster, half the memory",
        claims=(FASTER, COMPILED, MEMORY),
        parts={"speed": _speed, "compile": _compiled, "memory": _memory},
        names=("compiled", "not compiled"),
        on_cuda="fp16 with its scaler, peak device memory and device time by events",
    )
)
