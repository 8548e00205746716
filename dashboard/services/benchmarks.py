# SPDX-License-Identifier: AGPL-3.0-only
"""Benchmark suites: what they ask, what they measured, and starting one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.services import datasets, detectors
from dashboard.services.storage import cached, opened
from engine.benchmark.answers import ANSWERS, with_left_out
from engine.benchmark.catalogue import CATALOGUE, NO_CLAIM, Chart, Description
from engine.benchmark.comparison import FEW_ROUNDS, Change
from engine.benchmark.said import Said
from engine.benchmark.wording import side_name
from engine.config import RunConfig
from engine.csv_text import csv_text
from engine.jobs import benchmark_history, queue
from engine.jobs.kinds import making
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.json_text import json_document, json_text
from engine.records import BenchmarkRun, Job, Measurement

__all__ = [
    "FEW_ROUNDS",
    "NO_CLAIM",
    "SCALES",
    "SUITES",
    "Change",
    "Chart",
    "Description",
    "Filter",
    "active",
    "answer_of",
    "classes_of",
    "comparable",
    "compare",
    "find",
    "get",
    "latest",
    "name_of",
    "start",
    "subjects",
    "suite_texts",
    "to_csv",
    "to_json",
]

SUITES = CATALOGUE
SCALES = ("small", "medium", "large")
LISTED = 1000
_COLUMNS = ("value", "low", "high", "unit", "claimed")


def suite_texts() -> list[str]:
    """The engine's own words about suites that pages show translated."""
    found = []
    for about in SUITES.values():
        found += [about.question, about.claim, about.on_cuda, *(chart.title for chart in about.charts)]
    return [text for text in dict.fromkeys(found) if text and text != NO_CLAIM]


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
    scale: str,
) -> list[Job]:
    """Queue suites one after the other, and start a worker for them.

    Args:
        suites: their names.
        dataset, weights, class_name, detector_class: what they run on; other settings are the engine's
            defaults.
        scale: of `SCALES`.

    Raises:
        EngineError: a setting is out of its range, the weights lie outside the allowed folders, or no worker
            can be started.
    """
    config = RunConfig(
        dataset=datasets.usable(dataset),
        weights=detectors.usable(weights),
        class_name=class_name,
        detector_class=detector_class,
    )
    with opened() as repository:
        requests = [BenchmarkRequest(suite=suite, scale=scale, config=config) for suite in suites]
        jobs = [queue.submit(repository, "benchmark", request) for request in requests]
        queue.ensure_worker(repository)
    active.clear()
    return jobs


def name_of(measurement: Measurement, name: Callable[[str], str] = str) -> str:
    """A measurement's side, with the settings that distinguish it from another of the same name.

    Args:
        measurement: of a run.
        name: says a name in another language.
    """
    return side_name(vars(measurement), name)


def answer_of(run: BenchmarkRun) -> Said | None:
    """What a finished run answers, its figures apart from its words; it costs no query.

    Args:
        run: with its measurements.

    Returns:
        None where the run has no answer, or another than this version makes of its measurements.
    """
    if run.suite not in ANSWERS:
        return None
    try:
        said = with_left_out(ANSWERS[run.suite](run.measurements), run.left_out)
    except LookupError:  # measured by a version that named its sides otherwise
        return None
    return said if str(said) == run.answer else None


def to_json(runs: Sequence[BenchmarkRun]) -> str:
    """Runs as `benchmark run --json` prints them, in a list."""
    results = [benchmark_history.result_of(run) for run in runs]
    return json_document(results)


def to_csv(runs: Sequence[BenchmarkRun]) -> str:
    """A line for each measurement of runs, with what it was measured on."""
    about = ("suite", "id", "scale", "device", "machine", "detector", "dataset", "code_version", "started_at")
    rows = [[*about, "side", *_COLUMNS, "settings"]]
    for run in runs:
        for measurement in run.measurements:
            row = measurement.to_json()
            rows.append(
                [
                    *(getattr(run, name) for name in about),
                    row["side"],
                    *(row[name] for name in _COLUMNS),
                    json_text(row["settings"], ascii_only=False),
                ]
            )
    return csv_text(rows, line_end="\n")
