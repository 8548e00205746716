# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark list`, `run`, `history`, `compare` and `report`, with a suite that measures nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.rows import exact_row, median_row
from engine.benchmark.said import said
from engine.benchmark.suite import Part, Suite
from engine.errors import DetectorError
from engine.jobs import benchmarks
from engine.store.repository import Repository
from tests.engine.store.test_benchmarks import FACTS, KEY, measured


def suite_of(name: str, measure: Callable) -> Suite:
    return Suite(
        about=CATALOGUE[name],
        parts=lambda subject, scale: [Part(key="all", measure=measure)],
        answer=lambda rows: said("It took {seconds:g} s.", seconds=rows[0].figure.value),
    )


@pytest.fixture(autouse=True)
def _two_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that works and one that fails, in place of all."""

    def works(report):
        report("measuring")
        return [
            exact_row("step", 2.0, "s/image", 1.5, view="whole"),
            median_row("bare pass", [3.0, 4.0, 3.5], "s/image"),
        ]

    def fails(report):
        raise DetectorError("expected a detector, got none; name one")

    suites = {"floor": suite_of("floor", works), "loader": suite_of("loader", fails)}
    monkeypatch.setattr(benchmarks, "SUITES", suites)


def test_suites_are_listed_with_their_questions(run) -> None:
    listed = run("benchmark", "list")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split()[0] for line in listed.out.splitlines()] == list(CATALOGUE)
    assert run("benchmark", "list", "--json").json == {
        name: about.question for name, about in CATALOGUE.items()
    }


def test_a_suite_prints_its_figures_and_its_answer(run, subject) -> None:
    shown = run("--quiet", "benchmark", "run", "floor", *subject)
    assert (shown.code, shown.err) == (0, "all\nmeasuring\n")
    header, _, *rows, empty, answer = shown.out.splitlines()
    assert header.split()[:4] == ["How", "far", "is", "the"]
    assert [row.split() for row in rows] == [
        ["step", "(whole)", "2", "2", "to", "2", "s/image", "1.5"],
        ["bare", "pass", "3.5", "3", "to", "4", "s/image", "-"],
    ]
    assert (empty, answer) == ("", "It took 2 s.")
    assert run("benchmark", "run", "floor", *subject, "--json").json["answer"] == "It took 2 s."


def test_the_sides_start_from_the_settings_that_are_named(run, subject) -> None:
    named = ("--learning-rate", 0.01, "--patch-size", "64x32", "--loss", "overlap", "--rotation", 0)
    result = run("benchmark", "run", "floor", *subject, *named, "--json").json
    config = result["config"]
    assert (config["learning_rate"], config["patch_width"], config["patch_height"]) == (0.01, 64, 32)
    assert (config["losses"], config["augmentation"]["rotation_deg"]) == ({"overlap": 1.0}, 0)
    assert run("benchmark", "run", "floor", *subject, "--json").json["config"] != config


def test_an_unknown_suite_is_told(run, subject) -> None:
    told = run("benchmark", "run", "none", *subject)
    assert told.code == 1
    assert "suite: expected one of floor, loader, got 'none'" in told.error


def test_all_suites_are_run_reported_and_their_failures_told(run, subject, tmp_path: Path) -> None:
    shown = run("--quiet", "benchmark", "run", "all", *subject, "--out", tmp_path / "report")
    assert shown.code == 1
    assert shown.out.splitlines()[2:] == [f"| `floor` | {CATALOGUE['floor'].question} | It took 2 s. |"]
    assert shown.err.splitlines()[-1] == (
        "Error: benchmark: expected every suite to finish, 1 failed: loader: expected a detector, got none; "
        "name one"
    )
    files = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert files == ["floor-1.svg", "floor.json", "report.html", "report.md"]


def test_the_history_begins_empty_and_lists_runs(run, subject) -> None:
    empty = run("benchmark", "history")
    assert (empty.code, empty.out) == (0, "")
    assert empty.err.startswith("No benchmark was run yet")
    assert run("benchmark", "history", "--json").json == []
    run("benchmark", "run", "floor", *subject)
    run("benchmark", "run", "loader", *subject)
    listed = run("benchmark", "history", "--json").json
    assert [(row["suite"], row["state"]) for row in listed] == [
        ("loader", "interrupted"),
        ("floor", "finished"),
    ]
    assert len(run("benchmark", "history", "floor").out.splitlines()) == 3
    assert run("benchmark", "history", "--since", "2999-01-01", "--json").json == []


def test_versions_are_compared(run) -> None:
    with Repository() as repository:
        for version, value in (("1+aaa", 2.0), ("1+bbb", 2.2)):
            begun = repository.benchmarks.begin(replace(KEY, code_version=version), facts=FACTS)
            repository.benchmarks.add_part(begun, "views", [measured(value=value)])
            repository.benchmarks.finish(begun, "Done.")
    shown = run("benchmark", "compare", "floor")
    assert shown.code == 0
    header, _, row = shown.out.splitlines()
    assert header.split()[:3] == ["floor", "1+aaa", "1+bbb"]
    assert row.split() == ["step", "2", "2.2", "s", "+10.0%", "-1", "to", "1", "no"]
    assert "one of ten unchanged figures" in shown.err
    by_ids = run("benchmark", "compare", "floor", "--ids", 2, 1, "--json").json
    assert (by_ids["before"], by_ids["changes"][0]["beyond_noise"]) == ({"id": 2, "version": "1+bbb"}, False)
    assert "got runs by 1+bbb, 1+aaa" in run("benchmark", "compare", "floor", "--from", "ccc").error
    assert "suite: expected one of" in run("benchmark", "compare", "none").error


def test_the_report_takes_up_the_latest_runs(run, subject, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run("benchmark", "report", "--out", out, "--table").out.count("\n") == 2
    run("benchmark", "run", "floor", *subject)
    written = run("benchmark", "report", "--out", out, "--latest")
    assert written.err.splitlines() == [f"Written: {out / 'report.md'}", f"Written: {out / 'report.html'}"]
    table = run("benchmark", "report", "--out", out, "--table").out
    assert table in (out / "report.md").read_text()
    assert "It took 2 s." in table
