# SPDX-License-Identifier: AGPL-3.0-only
"""A suite is run by name and what it measured is kept with its machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.benchmark.suite import SCALES, Suite, exactly
from engine.config import RunConfig
from engine.errors import SettingsError, StorageError
from engine.jobs import benchmarks
from engine.records import Measurement

Settings = Callable[..., RunConfig]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a suite that measures nothing was given."""
    given: list = []

    def measure(subject, scale, report):
        given.extend((subject, scale))
        report("measuring")
        row = Measurement(side="only", figure=exactly(2.0), unit="times", settings={"batch_size": 1})
        return [row], "Twice."

    monkeypatch.setitem(benchmarks.SUITES, "tiny", Suite(question="How many?", measure=measure))
    return given


def test_a_suite_gets_its_subject_and_scale(settings: Settings, asked: list) -> None:
    lines: list[str] = []
    result = benchmarks.run_suite("tiny", settings(), scale="small", report=lines.append)
    subject, scale = asked
    assert scale == SCALES["small"]
    assert [record.count() for record in subject.records] == [1, 2, 1, 2, 1]
    assert (subject.detector.name, subject.unfused.name, subject.class_id) == ("tiny", "tiny", 0)
    assert lines == ["measuring"]
    assert (result["suite"], result["question"], result["answer"]) == ("tiny", "How many?", "Twice.")
    assert result["measurements"][0]["value"] == 2.0
    assert (result["device"], result["dataset"]["images"]) == ("cpu", 5)
    assert result["machine"]["cpu_model"]


def test_seconds_replace_the_scales(settings: Settings, asked: list) -> None:
    benchmarks.run_suite("tiny", settings(), scale="small", seconds=1.5, report=lambda line: None)
    assert asked[1] == replace(SCALES["small"], seconds=1.5)


@pytest.mark.usefixtures("asked")
def test_the_result_is_written_where_wanted(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    result = benchmarks.run_suite("tiny", settings(), scale="small", out=out, report=lambda line: None)
    assert json.loads(out.read_text()) == json.loads(json.dumps(result))
    with pytest.raises(StorageError, match="cannot be written"):
        benchmarks.run_suite(
            "tiny", settings(), scale="small", out=tmp_path / "none" / "r.json", report=lambda line: None
        )


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        ("none", "small", "suite: expected one of baseline, floor, memory, precision, strength, got 'none'"),
        ("floor", "huge", "scale: expected one of large, medium, small, got 'huge'"),
    ],
)
def test_unknown_names_are_told(settings: Settings, name: str, scale: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        benchmarks.run_suite(name, settings(), scale=scale, report=lambda line: None)
