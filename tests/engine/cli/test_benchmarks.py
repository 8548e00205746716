# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark list`, `run`, `history`, `compare` and `report`, with a suite that measures nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.benchmark.rows import measured as row
from engine.benchmark.rows import ratio
from engine.benchmark.suite import SUITES
from engine.errors import DetectorError
from engine.store.repository import Repository
from tests.engine.store.test_benchmarks import FACTS, KEY, measured

STEP, BARE = {"of": "step", "view": "whole images"}, {"of": "bare pass", "view": "whole images"}
ANSWER = "A step is slower than the bare pass: 0.6 times the speed."


@pytest.fixture(autouse=True)
def _two_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that works and one that fails, in place of all."""
    floor, loader = SUITES["floor"], SUITES["loader"]

    def works(subject, scale, report):
        report("measuring")
        samples = [0.5, 0.6, 0.7]
        return [
            row(STEP, "s/image", 2.0),
            row(BARE, "s/image", [3.0, 4.0, 3.5]),
            ratio(STEP, BARE, "image-iterations/s", (samples, [1.0, 1.0, 1.0]), floor.claim("close")),
        ]

    def fails(subject, scale, report):
        raise DetectorError("expected a detector, got none; name one")

    suites = [replace(floor, parts={"all": works}), replace(loader, parts={"all": fails, "copies": fails})]
    monkeypatch.setattr(SUITES, "_things", {suite.name: suite for suite in suites})


def test_suites_are_listed_with_their_questions(run) -> None:
    listed = run("benchmark", "list")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["floor", "loader"]
    questions = {suite.name: suite.question for suite in SUITES.things()}
    assert run("benchmark", "list", "--json").json == questions


def test_a_suite_prints_its_figures_and_its_answer(run, subject) -> None:
    shown = run("--quiet", "benchmark", "run", "floor", *subject)
    assert (shown.code, shown.err) == (0, "all\nmeasuring\n")
    figures, _, *rows, empty, columns, _, compared, gap, answer = shown.out.splitlines()
    assert figures.split() == ["side", "figure", "unit"]
    assert [line.split("  ")[0] for line in rows] == ["step, whole images", "bare pass, whole images"]
    assert "2 [2, 2]" not in shown.out
    assert "3.5 [3, 4]" in rows[1]
    assert columns.split() == ["side", "reference", "metric", "effect", "claimed", "outcome"]
    cells = [cell.strip() for cell in compared.split("  ") if cell.strip()]
    assert cells == [
        *("step, whole images", "bare pass, whole images", "speed"),
        *("0.6 [0.5, 0.7]", "≥ 0.85", "refuted"),
    ]
    assert (empty, gap, answer) == ("", "", ANSWER)
    assert run("benchmark", "run", "floor", *subject, "--json").json["answer"] == ANSWER


def test_an_undecided_comparison_says_what_it_takes(run, subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(subject, scale, report):
        return [
            row(STEP, "s/image", 2.0),
            ratio(STEP, BARE, "s", ([0.7, 0.9, 1.0], [1.0] * 3), SUITES["floor"].claim("close")),
        ]

    monkeypatch.setitem(SUITES._things, "floor", replace(SUITES["floor"], parts={"all": measure}))
    shown = run("--quiet", "benchmark", "run", "floor", *subject)
    assert "inconclusive; needs 24 more rounds" in shown.out
    assert shown.out.splitlines()[-1] == "Inconclusive: 0.9 times the time (0.7 to 1)."


def test_what_needs_cuda_is_told(run, subject, monkeypatch: pytest.MonkeyPatch) -> None:
    floor = replace(SUITES["floor"], needs_cuda=("copies",))
    monkeypatch.setitem(SUITES._things, "floor", floor)
    assert "Not measured here (requires CUDA): copies." in run("benchmark", "run", "floor", *subject).out


@pytest.mark.parametrize(
    ("asked", "seconds", "seeds"), [((), None, None), (("--seconds", 2, "--seeds", 4), 2.0, 4)]
)
def test_seconds_and_seeds_are_passed_on(run, subject, asked, seconds, seeds) -> None:
    result = run("benchmark", "run", "floor", *subject, *asked, "--json").json
    assert (result["seconds"], result["seeds"]) == (seconds, seeds)
    assert "--seeds" in run("benchmark", "run", "floor", *subject, "--seeds", 0).error


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
    assert shown.out.splitlines()[2:] == [f"| `floor` | {SUITES['floor'].question} | {ANSWER} |"]
    assert shown.err.splitlines()[-1] == (
        "Error: benchmark: expected every suite to finish, 1 failed: loader: expected a detector, got none; "
        "name one"
    )
    files = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert files == ["floor.json", "floor.svg", "report.html", "report.md"]


def test_the_history_begins_empty_and_lists_runs(run, subject) -> None:
    empty = run("benchmark", "history")
    assert (empty.code, empty.out) == (0, "")
    assert empty.err.startswith("No benchmark runs yet")
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
    header, _, line = shown.out.splitlines()
    assert header.split()[:3] == ["floor", "1+aaa", "1+bbb"]
    assert line.split() == [*["step", "2", "[1.5,", "2.5]", "2.2", "[1.5,", "2.5]", "s", "+10.0%", "no"]]
    assert shown.err == ""
    by_ids = run("benchmark", "compare", "floor", "--ids", 2, 1, "--json").json
    assert (by_ids["before"], by_ids["changes"][0]["beyond_noise"]) == ({"id": 2, "version": "1+bbb"}, False)
    assert "got runs from 1+bbb, 1+aaa" in run("benchmark", "compare", "floor", "--from", "ccc").error
    assert "suite: expected one of" in run("benchmark", "compare", "none").error


def test_the_report_takes_up_the_latest_runs(run, subject, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run("benchmark", "report", "--out", out, "--table").out.count("\n") == 2
    run("benchmark", "run", "floor", *subject)
    written = run("benchmark", "report", "--out", out, "--latest")
    assert written.err.splitlines() == [f"Written: {out / 'report.md'}", f"Written: {out / 'report.html'}"]
    table = run("benchmark", "report", "--out", out, "--table").out
    assert table in (out / "report.md").read_text()
    assert ANSWER in table
    assert run("benchmark", "report", "--out", out, "--table", "--json").json == {"floor": ANSWER}
