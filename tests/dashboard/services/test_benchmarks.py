# SPDX-License-Identifier: AGPL-3.0-only
"""Suites, their runs, their files, and starting one."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import string
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st

from dashboard.i18n import _, speaking
from dashboard.services import benchmarks
from dashboard.services.benchmarks import Filter
from engine.benchmark.suites.defences import OFFERED
from engine.detectors import demo_weights
from engine.errors import SettingsError
from engine.measurements import Comparison
from engine.store.repository import Repository
from tests.dashboard.homes import fill
from tests.dashboard.measured import add_benchmark, against, row

PUBLISHED = sorted((Path(__file__).resolve().parents[3] / "docs" / "benchmarks").glob("*.json"))
# What has no other name in Korean: programs, defences, detectors, precisions, losses, scores, units.
NAMES = {
    "arXiv",
    "PatchBench",
    "ART",
    "demo",
    "rcnn",
    "yolo",
    "GPU",
    "CPU",
    "GB",
    "fp",
    "bf",
    "cls",
    "box",
    "dfl",
    "ASR",
    "AP",
    "px",
    "x",
    *re.findall("[A-Za-z]+", " ".join(OFFERED)),
}
A = {"batch_size": 8}
LESS = against(
    {"view": "views", "batch_size": 8},
    {"view": "views", "batch_size": 1},
    (1.9, 2.0, 2.1),
    "bytes",
    claim="less",
    claimed=(-math.inf, 7.6),
    outcome="confirmed",
)


def english_in(text: str) -> set[str]:
    """The English words of a text, without names and places to fill in."""
    words = (written for written, *_place in string.Formatter().parse(text))
    return set(re.findall("[A-Za-z]+", " ".join(words))) - NAMES


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
        first = add_benchmark(repository, [row(A, 1.0)], detector="other")
        second = add_benchmark(repository, [row(A, 2.0)])
        add_benchmark(repository, [row(A, 3.0)], answer=None)
    assert benchmarks.latest()["loader"].id == second.id
    assert benchmarks.latest(Filter(detector="other"))["loader"].id == first.id
    assert benchmarks.latest(Filter(until=1.0)) == {}
    assert len(benchmarks.find("loader")) == 3
    assert benchmarks.find("memory") == []
    assert benchmarks.get(second.id).measurements[0].figure.value == 2.0


def test_runs_alike_can_be_compared_other_code_first() -> None:
    with Repository() as repository:
        other = add_benchmark(repository, [row(A, 10.0)], version="1+old")
        add_benchmark(repository, [row(A, 1.0)], machine="another CPU")
        add_benchmark(repository, [row(A, 1.0)], class_name="car")
        same = add_benchmark(repository, [row(A, 20.0)])
        run = add_benchmark(repository, [row(A, 20.0)])
    assert [each.id for each in benchmarks.comparable(run)] == [other.id, same.id]
    (change,) = benchmarks.compare(benchmarks.get(other.id), run)
    assert (change.relative, change.beyond_noise) == (1.0, True)


def test_runs_are_written_as_csv_and_json() -> None:
    peak = row({"view": "views", "batch_size": 8}, 1.5e9, "bytes", seconds=3)
    with Repository() as repository:
        run = add_benchmark(repository, [peak, LESS], suite="memory")
    measured, compared = csv.DictReader(io.StringIO(benchmarks.to_csv([run])))
    shared = {"suite": "memory", "side": "views, batch 8", "metric": "bytes", "detector": "demo"}
    ends = ("claim", "claimed_low", "claimed_high", "outcome")
    assert measured.items() >= (shared | {"reference": "", "unit": "GB", "value": "1.5"}).items()
    assert [measured[name] for name in ends] == ["", "", "", ""]
    figures = {"unit": "times", "value": "2.0", "low": "1.9", "high": "2.1"}
    assert compared.items() >= (shared | {"reference": "views, batch 1"} | figures).items()
    assert [compared[name] for name in ends] == ["less", "", "7.6", "confirmed"]
    (result,) = json.loads(benchmarks.to_json([run]))
    assert (result["suite"], result["measurements"][0]["facts"]) == ("memory", {"seconds": 3})
    assert result["comparisons"][0]["claimed"] == [None, 7.6]
    assert list(csv.DictReader(io.StringIO(benchmarks.to_csv([])))) == []


def test_names_in_csv_are_no_formulas_and_numbers_stay() -> None:
    with Repository() as repository:
        run = add_benchmark(repository, [row({"": "=1+1"}, -0.5)])
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
    assert job.label == "loader · man, woman → person · demo · demo"
    with pytest.raises(SettingsError, match="scale: expected one of"):
        benchmarks.start(["loader"], **subject, scale="huge")


def test_a_suite_of_several_detectors_is_queued_where_there_are_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_worker_is_started: list[str]
) -> None:
    monkeypatch.setattr(demo_weights, "PACKAGED_WEIGHTS", tmp_path)
    demo_weights.embedded_file("demo").touch()
    subject = {"dataset": "demo", "weights": "demo", "class_name": "person", "scale": "small"}
    with pytest.raises(SettingsError, match="expected at least 2 detectors for the suite transfer, got 1"):
        benchmarks.start(["transfer"], **subject)
    (job,) = benchmarks.start(["transfer", "loader"], **subject)
    assert job.request["suite"] == "loader"
    demo_weights.embedded_file("demo-rcnn").touch()
    (job,) = benchmarks.start(["transfer"], **subject)
    assert job.request["config"]["further_weights"] == ["demo-rcnn"]


def test_weights_outside_the_allowed_folders_are_refused(
    outside: str, no_worker_is_started: list[str]
) -> None:
    for named in ({"weights": outside}, {"detector_classes": outside}):
        subject = {"dataset": "demo", "weights": "demo", "class_name": "person"} | named
        with pytest.raises(SettingsError, match="expected a path below"):
            benchmarks.start(["loader"], **subject, scale="small")
    assert (benchmarks.active(), no_worker_is_started) == ([], [])


@pytest.mark.parametrize(
    ("suite", "comparisons", "answer", "korean"),
    [
        ("memory", [], None, ""),
        ("memory", [], "", "비교할 수 있는 것이 없었습니다."),
        ("memory", [], "A run takes 1.00 GiB.", "A run takes 1.00 GiB."),  # of a version without comparisons
        ("memory", [LESS], "", "메모리는 배치보다 적게 늘어납니다: 메모리 2배."),
        (
            "memory",
            [LESS],
            "Little grows.",
            "메모리는 배치보다 적게 늘어납니다: 메모리 2배.",
        ),  # of another version
        ("gone", [LESS], "Much.", "Much."),
    ],
)
def test_an_answer_is_worded_from_the_comparisons_if_there_are_any(
    suite: str, comparisons: list[Comparison], answer: str | None, korean: str
) -> None:
    with Repository() as repository:
        run = add_benchmark(repository, comparisons, suite=suite, answer=answer)
    told = "Memory grows less than the batch: 2 times the memory."
    assert benchmarks.answer(run, str) == (told if suite == "memory" and comparisons else run.answer or "")
    with speaking("ko"):
        assert benchmarks.answer(run, _) == korean


@pytest.mark.parametrize(
    ("suite", "comparisons", "place"),
    [
        ("memory", [], None),
        ("gone", [LESS], None),
        ("memory", [replace(LESS, claim="")], None),
        ("memory", [replace(LESS, claim="saved"), replace(LESS, claim=""), LESS, LESS], 2),
        ("memory", [replace(LESS, claim="saved"), replace(LESS, claim="")], 0),
    ],
)
def test_an_answer_tells_of_the_first_test_of_the_first_claim(
    suite: str, comparisons: list[Comparison], place: int | None
) -> None:
    with Repository() as repository:
        run = add_benchmark(repository, comparisons, suite=suite, answer="Something.")
    told = benchmarks.wording.told(run.suite, run.comparisons)
    assert told is (None if place is None else run.comparisons[place])


@pytest.mark.parametrize("text", benchmarks.wording.texts())
def test_what_suites_say_has_no_english_left_in_korean(text: str) -> None:
    with speaking("ko"):
        assert english_in(_(text)) == set()


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_no_published_comparison_keeps_english_in_korean(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    with speaking("ko"):
        for each in map(Comparison.from_json, result.get("comparisons", [])):  # older results have none
            row = benchmarks.wording.comparison_row(result["suite"], each, _)
            assert english_in(" ".join(row)) == set()
