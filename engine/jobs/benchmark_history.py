# SPDX-License-Identifier: AGPL-3.0-only
"""Stored benchmark runs: as JSON, the latest of each suite, and one version compared with another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from engine.benchmark.changes import Change, changes
from engine.benchmark.suite import SUITES
from engine.classes import recorded_words
from engine.errors import SettingsError
from engine.records import BenchmarkRun
from engine.store.repository import Repository

_COMPARABLE = ("suite", "scale", "device", "machine", "detector", "dataset")


def result_of(run: BenchmarkRun) -> dict[str, Any]:
    """A run with its measurements in the form printed by `benchmark run --json`."""
    about = SUITES.get(run.suite)
    ended = run.started_at if run.finished_at is None else run.finished_at
    return {
        "id": run.id,
        "suite": run.suite,
        "question": about.question if about else run.suite,
        "claim": about.source if about else "",
        "answer": run.answer,
        "comparisons": [comparison.to_json() for comparison in run.comparisons],
        "measurements": [measurement.to_json() for measurement in run.measurements],
        "left_out": list(run.left_out),
        "scale": run.scale,
        "patchbench": run.code_version,
        "measured_at": datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        "dataset": run.facts["dataset"],
        **{name: run.facts[name] for name in ("classes",) if name in run.facts},  # older runs lack it
        "detector": run.detector,
        "device": run.device,
        "config": run.settings["config"],
        "seconds": run.settings["seconds"],
        "seeds": run.settings.get("seeds"),  # older runs lack it
        "machine": run.facts["machine"],
    }


def latest_runs(repository: Repository, suites: Iterable[str] = SUITES, **same: Any) -> list[BenchmarkRun]:
    """The latest finished run of each suite that has one, with its measurements, in the suites' order.

    Args:
        repository: holds the runs.
        suites: names of the suites to look for.
        same: device, detector, dataset …, passed to `Benchmarks.find`.
    """
    latest = (
        repository.benchmarks.find(suite=suite, states=["finished"], limit=1, **same) for suite in suites
    )
    return [repository.benchmarks.get(run.id) for runs in latest for run in runs]


def two_runs(
    repository: Repository, suite: str, *, before: str | None = None, after: str | None = None
) -> tuple[BenchmarkRun, BenchmarkRun]:
    """The latest finished runs of a suite by two versions of the code under otherwise equal conditions.

    Args:
        repository: holds the runs.
        suite: its name.
        before, after: versions, commits or prefixes of commits; `after` defaults to the latest run's,
            `before` to the latest different one.

    Raises:
        SettingsError: there are no two such runs.
    """
    runs = repository.benchmarks.find(suite=suite, states=["finished"], limit=1000)
    for last in (run for run in runs if after is None or _is_of(run, after)):
        for first in runs:
            other = first.code_version != last.code_version if before is None else _is_of(first, before)
            if other and first.id != last.id and not _differences(first, last):
                return repository.benchmarks.get(first.id), repository.benchmarks.get(last.id)
    versions = ", ".join(dict.fromkeys(run.code_version for run in runs)) or "none"
    raise SettingsError(
        f"comparison: expected two finished runs of {suite} on one device, "
        f"from {before or 'an earlier version'} and {after or 'the latest'}, got runs from {versions}; "
        "run the suite with both versions, or use --ids"
    )


def classes_of(run: BenchmarkRun) -> str:
    """The classes that a run of any version was measured on, worded as by `engine.classes.words`."""
    return recorded_words({**run.facts, "config": run.settings["config"]})


def compare(before: BenchmarkRun, after: BenchmarkRun) -> list[Change]:
    """The change of each measurement from one run to another.

    Raises:
        SettingsError: the runs differ in suite, scale, device, machine, detector, dataset or classes.
    """
    for name, (first, second) in _differences(before, after).items():
        raise SettingsError(
            f"comparison: expected runs with the same {name}, got {first!r} (benchmark {before.id}) "
            f"and {second!r} (benchmark {after.id}); choose others"
        )
    return changes(before.measurements, after.measurements)


def _is_of(run: BenchmarkRun, code: str) -> bool:
    version, _, commit = run.code_version.partition("+")
    return code == version or (bool(commit) and (commit.startswith(code) or code.startswith(commit)))


def _differences(first: BenchmarkRun, second: BenchmarkRun) -> dict[str, tuple[str, str]]:
    """Names of the conditions that should be equal but are not → both values."""
    values = {name: (getattr(first, name), getattr(second, name)) for name in _COMPARABLE}
    values["class"] = (classes_of(first), classes_of(second))
    return {name: pair for name, pair in values.items() if pair[0] != pair[1]}
