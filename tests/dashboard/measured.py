# SPDX-License-Identifier: AGPL-3.0-only
"""Puts a benchmark run on record quickly. Figures are invented."""

from __future__ import annotations

from typing import Any

from engine.config import RunConfig
from engine.records import BenchmarkRun, Interval, Measurement
from engine.store.benchmarks import BenchmarkKey
from engine.store.repository import Repository

MACHINE = {"cpu_model": "test CPU", "versions": {"torch": "2.15.0"}}


def row(
    side: str, value: float, unit: str = "images/s", claimed: float | None = None, **settings: Any
) -> Measurement:
    """A measurement of five rounds around a value."""
    samples = tuple(value * factor for factor in (0.98, 0.99, 1.0, 1.01, 1.02))
    figure = Interval(value=value, low=samples[0], high=samples[-1])
    return Measurement(
        side=side, figure=figure, unit=unit, settings=settings, claimed=claimed, samples=samples
    )


def add_benchmark(
    repository: Repository,
    rows: list[Measurement],
    *,
    suite: str = "loader",
    version: str = "1+a",
    answer: str | None = "Batch 8 is fed fastest.",
    left_out: tuple[str, ...] = (),
    class_name: str = "person",
    **subject: str,
) -> BenchmarkRun:
    """A finished run, or (without an answer) an interrupted one."""
    config = RunConfig(dataset="demo", weights="demo", class_name=class_name).to_json()
    about = {"device": "cpu", "machine": "test CPU", "detector": "demo", "dataset": "demo"} | subject
    key = BenchmarkKey(
        suite=suite,
        scale="small",
        code_version=version,
        settings={"config": config, "seconds": None},
        **about,
    )
    facts = {"dataset": {"name": "demo", "images": 8, "synthetic": True}, "machine": MACHINE}
    run = repository.benchmarks.begin(key, facts=facts, fresh=True)
    repository.benchmarks.add_part(run, "all", rows)
    if answer is None:
        repository.benchmarks.interrupt(run)
        return repository.benchmarks.get(run.id)
    return repository.benchmarks.finish(run, answer, left_out)
