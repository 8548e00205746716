# SPDX-License-Identifier: AGPL-3.0-only
"""Benchmark runs are stored part by part, go on after an interruption and are found again."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import JobError, StorageError
from engine.measurements import Comparison, Interval, Measurement
from engine.store.benchmarks import BenchmarkKey
from engine.store.repository import Repository

KEY = BenchmarkKey(
    suite="floor",
    scale="small",
    device="cpu",
    machine="a processor",
    detector="tiny",
    dataset="blocks",
    code_version="1+abc",
    settings={"config": {"seed": 0}, "seconds": None},
)
FACTS = {"dataset": {"name": "blocks", "images": 5}, "machine": {"versions": {"torch": "2.15.0"}}}


def measured(side: str = "step", value: float = 2.0) -> Measurement:
    return Measurement(
        side={"of": side},
        figure=Interval(value=value, low=1.5, high=2.5),
        metric="s",
        facts={"images": 2},
        samples=(1.5, value, 2.5),
    )


def compared(value: float = 0.5, **rest: Any) -> Comparison:
    return Comparison(
        side={"of": "step"},
        reference={"of": "bare pass"},
        metric="image-iterations/s",
        unit="times",
        effect=Interval(value=value, low=0.4, high=0.6),
        **{"claim": "close", "claimed": (0.85, math.inf), "outcome": "refuted", **rest},
    )


def test_nothing_is_found_in_an_empty_database(repository: Repository) -> None:
    benchmarks = repository.benchmarks
    assert (benchmarks.find(), benchmarks.finished(KEY), benchmarks.done_parts(1)) == ([], None, [])
    with pytest.raises(JobError, match="benchmark 1: expected an existing one, found none"):
        benchmarks.get(1)


def test_a_finished_run_comes_back_as_it_was_measured(repository: Repository) -> None:
    benchmarks = repository.benchmarks
    run = benchmarks.begin(KEY, facts=FACTS)
    assert (run.state, run.attempt, run.settings) == ("running", 1, KEY.settings)
    assert (run.measurements, run.comparisons) == ((), ())
    benchmarks.add_part(run, "views", [measured(), compared(), measured("bare pass")])
    benchmarks.add_part(run, "whole", [measured("step", 3.0), compared(0.6, needs={"rounds": 3})])
    finished = benchmarks.finish(run, "Twice.", ["fp16"])
    assert finished == benchmarks.get(run.id) == benchmarks.finished(KEY)
    assert finished.measurements == (measured(), measured("bare pass"), measured("step", 3.0))
    assert finished.comparisons == (compared(), compared(0.6, needs={"rounds": 3}))
    assert (benchmarks.find()[0].measurements, benchmarks.find()[0].comparisons) == ((), ())
    assert (finished.state, finished.answer, finished.left_out) == ("finished", "Twice.", ("fp16",))
    assert finished.facts == FACTS
    assert finished.finished_at >= finished.started_at
    assert benchmarks.done_parts(run.id) == ["views", "whole"]


def test_figures_that_are_undefined_stay_so(repository: Repository) -> None:
    run = repository.benchmarks.begin(KEY, facts=FACTS)
    nan = float("nan")
    undefined = Interval(value=nan, low=nan, high=nan)
    rows = [
        Measurement(side={"of": "patch"}, figure=undefined, metric="ASR", samples=(nan,)),
        replace(compared(), effect=undefined),
    ]
    repository.benchmarks.add_part(run, "score", rows)
    loaded = repository.benchmarks.get(run.id)
    assert math.isnan(loaded.measurements[0].figure.value)
    assert math.isnan(loaded.measurements[0].samples[0])
    assert math.isnan(loaded.comparisons[0].effect.low)
    assert loaded.comparisons[0].claimed == (0.85, math.inf)


def test_an_unfinished_run_goes_on_and_its_former_attempt_adds_nothing(repository: Repository) -> None:
    benchmarks = repository.benchmarks
    first = benchmarks.begin(KEY, facts=FACTS)
    benchmarks.add_part(first, "views", [measured()])
    benchmarks.interrupt(first)
    assert [run.id for run in benchmarks.find(states=["interrupted"])] == [first.id]
    second = benchmarks.begin(KEY, facts=FACTS)
    assert (second.id, second.attempt, second.measurements) == (first.id, 2, (measured(),))
    with pytest.raises(StorageError, match="expected to be the only process that runs it"):
        benchmarks.add_part(first, "whole", [measured()])
    benchmarks.interrupt(first)
    assert benchmarks.get(first.id).state == "running"
    benchmarks.finish(second, "Done.")
    with pytest.raises(StorageError, match="only process"):
        benchmarks.finish(second, "Done again.")


@pytest.mark.parametrize("name", [*vars(KEY)])
def test_a_run_of_another_key_begins_anew(repository: Repository, name: str) -> None:
    first = repository.benchmarks.begin(KEY, facts=FACTS)
    other = replace(KEY, **{name: {"other": 1} if name == "settings" else "other"})
    assert repository.benchmarks.begin(other, facts=FACTS).id != first.id


def test_fresh_runs_and_finished_ones_begin_anew(repository: Repository) -> None:
    benchmarks = repository.benchmarks
    first = benchmarks.begin(KEY, facts=FACTS)
    second = benchmarks.begin(KEY, facts=FACTS, fresh=True)
    benchmarks.finish(second, "Done.")
    benchmarks.delete(first.id)
    third = benchmarks.begin(KEY, facts=FACTS)
    assert len({first.id, second.id, third.id}) == 3
    assert benchmarks.finished(KEY).id == second.id


def test_a_part_is_stored_whole_or_not_at_all(repository: Repository) -> None:
    run = repository.benchmarks.begin(KEY, facts=FACTS)
    wrong = replace(measured(), facts={"a": set()})
    with pytest.raises(TypeError):
        repository.benchmarks.add_part(run, "views", [measured(), compared(), wrong])
    stored = repository.benchmarks.get(run.id)
    assert (stored.measurements, stored.comparisons) == ((), ())


def test_with_a_run_goes_all_that_it_measured(repository: Repository) -> None:
    run = repository.benchmarks.begin(KEY, facts=FACTS)
    repository.benchmarks.add_part(run, "views", [measured(), compared()])
    repository.benchmarks.delete(run.id)
    again = repository.benchmarks.begin(KEY, facts=FACTS)
    assert (again.measurements, again.comparisons) == ((), ())
    with pytest.raises(JobError, match="found none"):
        repository.benchmarks.delete(run.id)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["b", "a", "a"]),
        ({"suite": "a"}, ["a", "a"]),
        ({"suite": "a", "device": "cuda:0"}, ["a"]),
        ({"suite": None, "detector": "tiny"}, ["b", "a", "a"]),
        ({"detector": "other"}, []),
        ({"states": ["finished"]}, []),
        ({"since": 0, "until": 1}, []),
        ({"since": 1}, ["b", "a", "a"]),
        ({"limit": 1}, ["b"]),
        ({"limit": 1, "offset": 2}, ["a"]),
    ],
)
def test_runs_are_found(repository: Repository, wanted: dict, found: list[str]) -> None:
    for suite, device in (("a", "cpu"), ("a", "cuda:0"), ("b", "cpu")):
        repository.benchmarks.begin(replace(KEY, suite=suite, device=device), facts=FACTS)
    assert [run.suite for run in repository.benchmarks.find(**wanted)] == found


def test_an_unknown_filter_is_the_callers_mistake(repository: Repository) -> None:
    with pytest.raises(ValueError, match=r"expected some of .*got \['colour'\]"):
        repository.benchmarks.find(colour="red")
