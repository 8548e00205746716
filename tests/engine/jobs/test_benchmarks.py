# SPDX-License-Identifier: AGPL-3.0-only
"""A suite is run by name, its parts are kept as they end, and a run that stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.benchmark.catalogue import Description
from engine.benchmark.rows import exact_row
from engine.benchmark.said import Said, listed, said
from engine.benchmark.suite import SCALES, Part, Suite
from engine.config import RunConfig
from engine.errors import DetectorError, RunInterruptedError, SettingsError, StorageError
from engine.jobs import benchmarks
from engine.store.repository import Repository

Settings = Callable[..., RunConfig]


class TinySuite:
    """Three parts, one of them for CUDA; what it was given and which parts it measured."""

    def __init__(self) -> None:
        self.subject: Any = None
        self.scale: Any = None
        self.measured: list[str] = []
        self.fails: BaseException | None = None
        self.suite = Suite(
            about=Description(name="tiny", question="How many?"), parts=self.parts, answer=self.answer
        )

    def parts(self, subject: Any, scale: Any) -> list[Part]:
        self.subject, self.scale = subject, scale
        return [
            Part(key="one", measure=lambda report: self.measure("one", report)),
            Part(key="on a GPU", measure=lambda report: self.measure("on a GPU", report), needs="cuda"),
            Part(key="two", measure=lambda report: self.measure("two", report)),
        ]

    def measure(self, key: str, report: Callable[[str], object]) -> list:
        report(f"measuring {key}")
        if key == "two" and self.fails is not None:
            raise self.fails
        self.measured.append(key)
        return [exact_row(key, float(len(self.measured)), "times", batch_size=1)]

    @staticmethod
    def answer(rows: Any) -> Said:
        return said("It was {sides}.", sides=listed([row.side for row in rows], " and "))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> TinySuite:
    made = TinySuite()
    monkeypatch.setitem(benchmarks.SUITES, "tiny", made.suite)
    return made


@pytest.fixture
def run(settings: Settings) -> Callable[..., dict[str, Any]]:
    def call(name: str = "tiny", **how: Any) -> dict[str, Any]:
        return benchmarks.run_suite(
            name, how.pop("config", settings()), **{"scale": "small", "report": lambda line: None, **how}
        )

    return call


def test_a_suite_gets_its_subject_and_scale(run: Callable, tiny: TinySuite) -> None:
    lines: list[str] = []
    result = run(report=lines.append)
    assert tiny.scale == SCALES["small"]
    assert [record.count() for record in tiny.subject.records] == [1, 2, 1, 2, 1]
    assert (tiny.subject.detector.name, tiny.subject.unfused.name, tiny.subject.class_id) == (
        "tiny",
        "tiny",
        0,
    )
    assert sorted(tiny.subject.readers) == ["files", "one query a run", "one query an image"]
    assert lines == ["one", "measuring one", "two", "measuring two"]
    assert (result["suite"], result["left_out"]) == ("tiny", ["on a GPU"])
    assert result["answer"] == "It was one and two. Not measured here, as it needs CUDA: on a GPU."
    assert [row["value"] for row in result["measurements"]] == [1.0, 2.0]
    assert (result["device"], result["dataset"]["images"]) == ("cpu", 5)
    assert result["machine"]["cpu_model"]


def test_what_was_measured_is_on_record(run: Callable, tiny: TinySuite) -> None:
    result = run(job_id=None)
    with Repository() as repository:
        stored = repository.benchmarks.get(result["id"])
        assert repository.benchmarks.done_parts(stored.id) == ["one", "two"]
    assert (stored.state, stored.answer) == ("finished", result["answer"])
    assert stored.machine == result["machine"]["cpu_model"]


def test_seconds_replace_the_scales(run: Callable, tiny: TinySuite) -> None:
    run(seconds=1.5)
    assert tiny.scale == replace(SCALES["small"], seconds=1.5)


def test_the_result_is_written_where_wanted(run: Callable, tiny: TinySuite, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    result = run(out=out)
    assert json.loads(out.read_text()) == json.loads(json.dumps(result))
    with pytest.raises(StorageError, match="cannot be written"):
        run(out=tmp_path / "none" / "r.json")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (DetectorError("it is gone"), DetectorError),
        (ZeroDivisionError("by zero"), ZeroDivisionError),
        (KeyboardInterrupt(), RunInterruptedError),
    ],
)
def test_a_run_that_stopped_goes_on_from_its_finished_parts(
    run: Callable, tiny: TinySuite, failure: BaseException, told: type[BaseException]
) -> None:
    tiny.fails = failure
    with pytest.raises(told):
        run()
    with Repository() as repository:
        (stopped,) = repository.benchmarks.find(states=["interrupted"])
    tiny.fails = None
    lines: list[str] = []
    result = run(report=lines.append)
    assert (result["id"], tiny.measured) == (stopped.id, ["one", "two"])
    assert lines[0] == "one: measured before"


@pytest.mark.parametrize(
    ("change", "measured"),
    [
        ({}, ["one", "two"]),
        ({"fresh": True}, ["one", "one", "two"]),
        ({"scale": "medium"}, ["one", "one", "two"]),
        ({"seconds": 2.0}, ["one", "one", "two"]),
        ({"seed": 1}, ["one", "one", "two"]),
    ],
)
def test_only_a_run_of_the_same_kind_goes_on(
    run: Callable, tiny: TinySuite, settings: Settings, change: dict[str, Any], measured: list[str]
) -> None:
    tiny.fails = DetectorError("it is gone")
    with pytest.raises(DetectorError):
        run()
    tiny.fails = None
    seed = change.pop("seed", 0)
    run(config=settings(seed=seed), **change)
    assert tiny.measured == measured


def test_a_finished_run_is_measured_again_unless_it_is_to_be_kept(run: Callable, tiny: TinySuite) -> None:
    first = run()
    assert run(keep_finished=True) == first
    assert run(keep_finished=True, fresh=True)["id"] != first["id"]
    assert run()["id"] != first["id"]
    assert len(tiny.measured) == 6


def test_progress_is_told_and_a_stop_is_heeded(run: Callable, tiny: TinySuite) -> None:
    told: list[tuple[int, int]] = []
    run(progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(RunInterruptedError, match="stopped in the suite tiny; its finished parts are kept"):
        run(stop_requested=lambda: len(tiny.measured) == 3)
    assert tiny.measured == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        ("none", "small", r"suite: expected one of accumulate, baseline, .*, got 'none'"),
        ("floor", "huge", "scale: expected one of large, medium, small, got 'huge'"),
    ],
)
def test_unknown_names_are_told(run: Callable, name: str, scale: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run(name, scale=scale)


def test_one_failing_suite_does_not_end_the_others(
    tiny: TinySuite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, broken = TinySuite(), TinySuite()
    failing.fails, broken.fails = DetectorError("it is\ngone"), ZeroDivisionError("by zero")
    suites = {"failing": failing.suite, "broken": broken.suite, "tiny": tiny.suite}
    monkeypatch.setattr(benchmarks, "SUITES", suites)
    lines: list[str] = []
    results, failures = benchmarks.run_all(settings(), scale="small", report=lines.append)
    assert [result["suite"] for result in results] == ["tiny"]
    assert failures == {"failing": "it is gone", "broken": "ZeroDivisionError: by zero"}
    assert "failing failed: it is gone" in lines
    failing.fails = broken.fails = None
    results, failures = benchmarks.run_all(settings(), scale="small", report=lines.append)
    assert ([result["suite"] for result in results], failures) == ([*suites], {})
    assert tiny.measured == failing.measured == ["one", "two"]  # nothing was measured twice


def test_a_stop_ends_them_all(tiny: TinySuite, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.fails = KeyboardInterrupt()
    other = TinySuite()
    monkeypatch.setattr(benchmarks, "SUITES", {"tiny": tiny.suite, "other": other.suite})
    with pytest.raises(RunInterruptedError):
        benchmarks.run_all(settings(), scale="small", report=lambda line: None)
    assert other.measured == []
