# SPDX-License-Identifier: AGPL-3.0-only
"""Benchmark suites: what they ask, what they measured, and starting one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.services import datasets, detectors
from dashboard.services.generate import usable_defences
from dashboard.services.storage import cached, opened
from engine.benchmark import wording
from engine.benchmark.changes import Change
from engine.benchmark.suite import SCALES, SUITES, Suite
from engine.benchmark.verdicts import NULL
from engine.config import RunConfig
from engine.csv_text import csv_text
from engine.jobs import benchmark_history, queue
from engine.jobs.benchmark_detectors import for_all, with_detectors
from engine.jobs.kinds import making
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.json_text import json_document
from engine.records import BenchmarkRun, Job
from engine.registries import AUTO

__all__ = [
    "NULL",
    "SCALES",
    "SUITES",
    "Change",
    "Filter",
    "Suite",
    "active",
    "answer",
    "classes_of",
    "comparable",
    "compare",
    "find",
    "get",
    "latest",
    "start",
    "subjects",
    "to_csv",
    "to_json",
    "wording",
]

LISTED = 1000
_COLUMNS = ("side", "reference", "metric", "unit", "value", "low", "high")
_CLAIMED = ("claim", "claimed_low", "claimed_high", "outcome")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which runs to show; None for any. Times are Unix seconds.

    Attributes:
        device, detector, dataset: by name, as the runs have them.
        since, until: begun between these.
    """

    device: str | None = None
    detector: str | None = None
    dataset: str | None = None
    since: float | None = None
    until: float | None = None


@cached(ttl_s=3)
def find(suite: str | None = None, wanted: Filter | None = None) -> list[BenchmarkRun]:
    """The runs of a suite, or of all, newest first, without their measurements."""
    with opened() as repository:
        return repository.benchmarks.find(suite=suite, limit=LISTED, **vars(wanted or Filter()))


@cached(ttl_s=3)
def get(run_id: int) -> BenchmarkRun:
    """One run with its measurements.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        return repository.benchmarks.get(run_id)


@cached(ttl_s=3)
def latest(wanted: Filter | None = None) -> dict[str, BenchmarkRun]:
    """Suite → its latest finished run, with its measurements, of the suites that have one."""
    with opened() as repository:
        runs = benchmark_history.latest_runs(repository, **vars(wanted or Filter()))
    return {run.suite: run for run in runs}


def comparable(run: BenchmarkRun) -> list[BenchmarkRun]:
    """The finished runs that a run can be compared with, newest first; those of other code come first."""
    same = ("suite", "scale", "device", "machine", "detector", "dataset")
    with opened() as repository:
        runs = repository.benchmarks.find(
            states=["finished"], limit=LISTED, **{name: getattr(run, name) for name in same}
        )
    others = [each for each in runs if each.id != run.id and classes_of(each) == classes_of(run)]
    return sorted(others, key=lambda each: each.code_version == run.code_version)


def classes_of(run: BenchmarkRun) -> str:
    """The classes that a run was measured on: `person`, or `man → person` where their names differ."""
    return benchmark_history.classes_of(run)


def compare(before: BenchmarkRun, after: BenchmarkRun) -> list[Change]:
    """How each measurement changed from one run to another.

    Raises:
        SettingsError: the runs are not alike.
    """
    return benchmark_history.compare(before, after)


@cached(ttl_s=1)
def active() -> list[Job]:
    """The benchmark jobs that run or wait, in the order of the queue."""
    with opened() as repository:
        return repository.jobs.find(
            states=["running", "queued", "paused"], kinds=making("benchmark"), order="queue", limit=20
        )


@cached(ttl_s=5)
def subjects() -> dict[str, tuple[str, ...]]:
    """What suites can run on: dataset → class names; `demo` is always there."""
    with opened() as repository:
        datasets = repository.datasets.all()
    classes = {dataset.name: tuple(dict.fromkeys(filter(None, dataset.class_names))) for dataset in datasets}
    return {"demo": ("person",)} | classes


def start(
    suites: Sequence[str],
    *,
    dataset: str,
    weights: str,
    class_name: str | tuple[str, ...],
    detector_class: str = "",
    architecture: str = AUTO,
    detector_classes: str = "",
    defences: Sequence[str] = (),
    scale: str,
) -> list[Job]:
    """Queue suites one after the other, and start a worker for them.

    Args:
        suites: their names; of several, those that need more detectors are left out.
        dataset, weights, class_name, detector_class, architecture, detector_classes, defences: what they run
            on, as of `RunConfig`; other settings are the engine's defaults.
        scale: of `SCALES`.

    Raises:
        EngineError: a setting is out of its range, a file lies outside the allowed folders, or no worker can
            be started.
    """
    config = RunConfig(
        dataset=datasets.usable(dataset),
        weights=detectors.usable(weights),
        class_name=class_name,
        detector_class=detector_class,
        architecture=architecture,
        detector_classes=detectors.usable_classes(detector_classes),
        defences=usable_defences(defences),
    )
    if len(suites) == 1:
        configs = {suites[0]: with_detectors(suites[0], config)}
    else:
        found = {suite: for_all(suite, config) for suite in suites}
        configs = {suite: each for suite, each in found.items() if each is not None}
    with opened() as repository:
        requests = [
            BenchmarkRequest(suite=suite, scale=scale, config=each) for suite, each in configs.items()
        ]
        jobs = [queue.submit(repository, "benchmark", request) for request in requests]
        queue.ensure_worker(repository)
    active.clear()
    return jobs


def answer(run: BenchmarkRun, translate: Callable[[str], str]) -> str:
    """What a finished run found, in another language; empty until it ends.

    It is worded from the comparisons, as another version may have said it otherwise. A run without any has
    the answer that was stored, in English only.
    """
    if run.answer is None:
        return ""
    if wording.told(run.suite, run.comparisons) is None and run.answer != wording.headline(run.suite, []):
        return run.answer
    return wording.headline(run.suite, run.comparisons, translate)


def to_json(runs: Sequence[BenchmarkRun]) -> str:
    """Runs as `benchmark run --json` prints them, in a list."""
    results = [benchmark_history.result_of(run) for run in runs]
    return json_document(results)


def to_csv(runs: Sequence[BenchmarkRun]) -> str:
    """A line for each measurement and comparison of runs, with what it was measured on."""
    about = ("suite", "id", "scale", "device", "machine", "detector", "dataset", "code_version", "started_at")
    lines: list[list[object]] = [[*about, *_COLUMNS, *_CLAIMED]]
    for run in runs:
        on = [getattr(run, name) for name in about]
        for row in run.measurements:
            unit, factor = wording.shown_unit(row.metric)
            figure = [bound if bound is None else bound / factor for bound in row.figure.to_json()]
            lines.append([*on, wording.label(row.side), "", row.metric, unit, *figure, "", "", "", ""])
        for each in run.comparisons:
            names = wording.label(each.side), wording.label(each.reference)
            claimed = each.to_json()["claimed"] or (None, None)
            ends = each.claim, *claimed, each.outcome
            lines.append([*on, *names, each.metric, each.unit, *each.effect.to_json(), *ends])
    return csv_text(lines, line_end="\n")
