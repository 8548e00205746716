# SPDX-License-Identifier: AGPL-3.0-only
"""`benchmark list` and `benchmark run`, with a suite that measures nothing."""

from __future__ import annotations

import pytest

from engine.benchmark.suite import Suite, exactly
from engine.benchmark.suites import SUITES
from engine.records import Measurement


@pytest.fixture
def _tiny_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(subject, scale, report):
        report("measuring")
        return [
            Measurement(side="step", figure=exactly(2.0), unit="times", settings={"view": "whole"}),
            Measurement(side="bare pass", figure=exactly(3.5), unit="images/s", settings={}),
        ], "Twice."

    monkeypatch.setitem(SUITES, "tiny", Suite(question="How many?", measure=measure))


def test_suites_are_listed_with_their_questions(run) -> None:
    listed = run("benchmark", "list")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split()[0] for line in listed.out.splitlines()] == list(SUITES)
    assert run("benchmark", "list", "--json").json == {name: suite.question for name, suite in SUITES.items()}


@pytest.mark.usefixtures("_tiny_suite")
def test_a_suite_prints_its_figures_and_its_answer(run, subject) -> None:
    shown = run("--quiet", "benchmark", "run", "tiny", *subject)
    assert (shown.code, shown.err) == (0, "measuring\n")
    header, _, *rows, empty, answer = shown.out.splitlines()
    assert header.split()[:2] == ["How", "many?"]
    assert [row.split() for row in rows] == [
        ["step", "(whole)", "2", "2", "to", "2", "times"],
        ["bare", "pass", "3.5", "3.5", "to", "3.5", "images/s"],
    ]
    assert (empty, answer) == ("", "Twice.")
    assert run("benchmark", "run", "tiny", *subject, "--json").json["answer"] == "Twice."


def test_an_unknown_suite_is_told(run, subject) -> None:
    told = run("benchmark", "run", "none", *subject)
    assert told.code == 1
    assert "suite: expected one of baseline, floor, memory, precision, strength, got 'none'" in told.error
