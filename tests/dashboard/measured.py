# SPDX-License-Identifier: AGPL-3.0-only
"""Puts a benchmark run on record quickly. Figures are invented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.benchmark.wording import headline
from engine.config import RunConfig
from engine.measurements import Axes, BenchmarkRun, Comparison, Interval, Measurement
from engine.store.benchmarks import BenchmarkKey
from engine.store.repository import Repository

MACHINE = {"cpu_model": "test CPU", "versions": {"torch": "2.15.0"}}


def row(side: Axes, value: float, metric: str = "images/s", **facts: Any) -> Measurement:
    """A measurement of five rounds around a value."""
    samples = tuple(value * factor for factor in (0.98, 0.99, 1.0, 1.01, 1.02))
    figure = Interval(value=value, low=samples[0], high=samples[-1])
    return Measurement(side=side, metric=metric, figure=figure, facts=facts, samples=samples)


def against(
    side: Axes, reference: Axes, effect: tuple[float, float, float], metric: str = "images/s", **more: Any
) -> Comparison:
    """A comparison in `times` that tests nothing, unless `more` says otherwise.

    Args:
        side, reference, metric: what is compared.
        effect: its lowest, its middle and its highest value.
        more: other fields of `Comparison`.
    """
    low, value, high = effect
    fields: dict[str, Any] = {"unit": "times", "effect": Interval(value=value, low=low, high=high)}
    return Comparison(side=side, reference=reference, metric=metric, **{**fields, **more})


def add_benchmark(
    repository: Repository,
    rows: Sequence[Measurement | Comparison],
    *,
    suite: str = "loader",
    version: str = "1+a",
    answer: str | None = "",
    left_out: tuple[str, ...] = (),
    class_name: str = "person",
    **subject: str,
) -> BenchmarkRun:
    """A finished run, whose answer is the headline by default, or (answer None) an interrupted one."""
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
    comparisons = [each for each in rows if isinstance(each, Comparison)]
    return repository.benchmarks.finish(run, answer or headline(suite, comparisons), left_out)
