# SPDX-License-Identifier: AGPL-3.0-only
"""Runs come back as JSON, the latest of each suite is found, and versions are compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from engine.errors import SettingsError
from engine.jobs.benchmark_history import compare, latest_runs, result_of, two_runs
from engine.records import BenchmarkRun
from engine.store.repository import Repository
from tests.engine.store.test_benchmarks import FACTS, KEY, compared, measured

Add = Callable[..., BenchmarkRun]


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened


@pytest.fixture
def add(repository: Repository) -> Add:
    def finished(version: str, value: float = 2.0, *, finish: bool = True, **changes: object) -> BenchmarkRun:
        key = replace(KEY, code_version=version, **changes)
        run = repository.benchmarks.begin(key, facts=FACTS, fresh=True)
        repository.benchmarks.add_part(run, "views", [measured(value=value), compared()])
        return repository.benchmarks.finish(run, f"{value}.") if finish else run

    return finished


def test_a_result_holds_what_was_asked_and_measured(add: Add) -> None:
    result = json.loads(json.dumps(result_of(add("1+abc"))))
    assert result["question"] == "How far is the engine from the hardware's limit?"
    assert (result["answer"], result["patchbench"]) == ("2.0.", "1+abc")
    assert result["claim"] == ""  # the field says nothing of the floor
    assert result["measurements"] == [measured().to_json()]
    assert result["comparisons"] == [compared().to_json()]
    assert (result["dataset"], result["machine"]) == (FACTS["dataset"], FACTS["machine"])
    assert (result["config"], result["seconds"], result["seeds"]) == ({"seed": 0}, None, None)


def test_a_result_of_a_suite_that_is_gone_still_holds_what_was_measured(add: Add) -> None:
    result = result_of(add("1+abc", suite="gone"))
    assert (result["question"], result["claim"], result["answer"]) == ("gone", "", "2.0.")
    assert len(result["measurements"]) == len(result["comparisons"]) == 1


def test_the_latest_finished_run_of_each_suite(repository: Repository, add: Add) -> None:
    assert latest_runs(repository) == []
    add("1+abc")
    latest = add("1+def")
    add("1+fff", finish=False)
    batching = add("1+abc", suite="batching")
    assert latest_runs(repository) == [batching, latest]
    assert latest_runs(repository, ["floor"]) == [latest]
    assert latest_runs(repository, device="cuda:0") == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, (2, 4)),  # the latest, and the latest other version on the same device
        ({"before": "aaa"}, (1, 4)),
        ({"before": "aaa", "after": "bbb"}, (1, 2)),
        ({"before": "bbb", "after": "aaa"}, (2, 1)),
        ({"before": "bbb123456789", "after": "0.1.0"}, (2, 5)),  # a longer hash; a version without a commit
    ],
)
def test_two_versions_are_found(repository: Repository, add: Add, asked: dict, found: tuple) -> None:
    runs = [
        add("1+aaa"),
        add("1+bbb"),
        add("1+bbb", device="cuda:0"),
        add("1+ccc"),
    ]
    if "0.1.0" in asked.values():
        runs.append(add("0.1.0"))
    first, last = two_runs(repository, "floor", **asked)
    assert (first, last) == tuple(runs[number - 1] for number in found)


def test_versions_that_are_not_there_are_told(repository: Repository, add: Add) -> None:
    with pytest.raises(SettingsError, match="from an earlier version and the latest, got runs from none"):
        two_runs(repository, "floor")
    add("1+aaa")
    with pytest.raises(SettingsError, match=r"from fff and the latest, got runs from 1\+aaa; run the suite"):
        two_runs(repository, "floor", before="fff")


def test_runs_are_compared_if_they_are_alike(add: Add) -> None:
    first, last = add("1+aaa"), add("1+bbb", 2.2)
    (change,) = compare(first, last)
    assert change.difference.value == pytest.approx(0.2)
    with pytest.raises(SettingsError, match=r"expected runs with the same scale, got 'small' .* and 'large'"):
        compare(first, add("1+bbb", scale="large"))
    mapped = add("1+bbb", settings={"config": {"class_name": "man", "detector_class": "person"}})
    with pytest.raises(SettingsError, match=r"expected runs with the same class, got .* and 'man → person'"):
        compare(first, mapped)
