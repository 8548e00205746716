# SPDX-License-Identifier: AGPL-3.0-only
"""Suites, their runs, their files, and starting one."""

from __future__ import annotations

import csv
import io
import json

import pytest
import streamlit as st

from dashboard.services import benchmarks
from dashboard.services.benchmarks import Filter
from engine.errors import SettingsError
from engine.store.repository import Repository
from tests.dashboard.homes import fill
from tests.dashboard.measured import add_benchmark, row


@pytest.fixture(autouse=True)
def forgotten() -> None:
    st.cache_data.clear()


def test_an_empty_home_has_no_runs_and_offers_the_demo() -> None:
    assert (benchmarks.find(), benchmarks.latest(), benchmarks.active()) == ([], {}, [])
    assert benchmarks.subjects() == {"demo": ("person",)}


def test_imported_datasets_are_offered() -> None:
    with Repository() as repository:
        fill(repository, runs=1)
    assert benchmarks.subjects() == {"demo": ("person",), "streets": ("person", "car")}


def test_the_latest_finished_run_of_each_suite_is_found_within_a_filter() -> None:
    with Repository() as repository:
        first = add_benchmark(repository, [row("a", 1.0)], detector="other")
        second = add_benchmark(repository, [row("a", 2.0)])
        add_benchmark(repository, [row("a", 3.0)], answer=None)
    assert benchmarks.latest()["loader"].id == second.id
    assert benchmarks.latest(Filter(detector="other"))["loader"].id == first.id
    assert benchmarks.latest(Filter(until=1.0)) == {}
    assert len(benchmarks.find("loader")) == 3
    assert benchmarks.find("memory") == []
    assert benchmarks.get(second.id).measurements[0].figure.value == 2.0


def test_runs_alike_can_be_compared_other_code_first() -> None:
    with Repository() as repository:
        other = add_benchmark(repository, [row("a", 10.0)], version="1+old")
        add_benchmark(repository, [row("a", 1.0)], machine="another CPU")
        add_benchmark(repository, [row("a", 1.0)], class_name="car")
        same = add_benchmark(repository, [row("a", 20.0)])
        run = add_benchmark(repository, [row("a", 20.0)])
    assert [each.id for each in benchmarks.comparable(run)] == [other.id, same.id]
    (change,) = benchmarks.compare(benchmarks.get(other.id), run)
    assert (change.relative, change.beyond_noise) == (1.0, True)


def test_runs_are_written_as_csv_and_json() -> None:
    with Repository() as repository:
        run = add_benchmark(repository, [row("a, b", 1.5, claimed=2.0, batch_size=8)])
    (line,) = csv.DictReader(io.StringIO(benchmarks.to_csv([run])))
    assert (line["suite"], line["side"], line["value"], line["claimed"]) == ("loader", "a, b", "1.5", "2.0")
    assert json.loads(line["settings"]) == {"batch_size": 8}
    (result,) = json.loads(benchmarks.to_json([run]))
    assert (result["suite"], result["measurements"][0]["value"]) == ("loader", 1.5)
    assert list(csv.DictReader(io.StringIO(benchmarks.to_csv([])))) == []


def test_names_in_csv_are_no_formulas_and_numbers_stay() -> None:
    with Repository() as repository:
        run = add_benchmark(repository, [row("=1+1", -0.5)])
    (line,) = csv.DictReader(io.StringIO(benchmarks.to_csv([run])))
    assert (line["side"], line["value"]) == ("'=1+1", "-0.5")


def test_suites_are_queued_and_a_worker_asked_for(no_worker_is_started: list[str]) -> None:
    subject = {"dataset": "demo", "weights": "demo", "class_name": "person"}
    jobs = benchmarks.start(["loader", "memory"], **subject, scale="small")
    assert [job.request["suite"] for job in jobs] == ["loader", "memory"]
    assert [job.id for job in benchmarks.active()] == [job.id for job in jobs]
    assert no_worker_is_started == ["worker"]
    mapped = subject | {"class_name": ("man", "woman"), "detector_class": "person"}
    (job,) = benchmarks.start(["loader"], **mapped, scale="small")
    assert job.label == "Benchmark loader: man, woman → person, demo on demo"
    with pytest.raises(SettingsError, match="scale: expected one of"):
        benchmarks.start(["loader"], **subject, scale="huge")


def test_weights_outside_the_allowed_folders_are_refused(
    outside: str, no_worker_is_started: list[str]
) -> None:
    with pytest.raises(SettingsError, match="expected one below"):
        benchmarks.start(["loader"], dataset="demo", weights=outside, class_name="person", scale="small")
    assert (benchmarks.active(), no_worker_is_started) == ([], [])


def test_the_words_of_suites_are_told_once_each() -> None:
    texts = benchmarks.suite_texts()
    assert len(texts) == len(set(texts))
    assert benchmarks.SUITES["loader"].question in texts
    assert benchmarks.NO_CLAIM not in texts


def test_a_side_is_named_with_its_view() -> None:
    assert benchmarks.name_of(row("step", 1.0, view="whole images")) == "step (whole images)"


@pytest.mark.parametrize(
    ("suite", "answer", "left_out", "known"),
    [
        ("memory", "No batch size fitted into memory.", (), True),
        (
            "loader",
            "No batches could be fed. Not measured here, as it needs CUDA: copies.",
            ("copies",),
            True,
        ),
        ("memory", None, (), False),
        ("memory", "Nothing fitted.", (), False),  # as another version worded it
        ("gone", "Much.", (), False),
    ],
)
def test_an_answer_is_said_again_if_its_figures_say_the_same(
    suite: str, answer: str | None, left_out: tuple[str, ...], known: bool
) -> None:
    with Repository() as repository:
        run = add_benchmark(repository, [], suite=suite, answer=answer, left_out=left_out)
    said = benchmarks.answer_of(run)
    assert (None if said is None else str(said)) == (answer if known else None)


def test_an_answer_from_sides_of_other_names_is_not_said_again() -> None:
    with Repository() as repository:
        share = row("bare pass / step, views", 0.5, "share")  # today's suite tells where the rest went
        run = add_benchmark(repository, [share], suite="floor", answer="Half.")
    assert benchmarks.answer_of(run) is None
