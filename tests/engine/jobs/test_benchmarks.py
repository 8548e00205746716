# SPDX-License-Identifier: AGPL-3.0-only
"""A suite is run by name, its parts are kept as they end, and a run that stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SCALES, SUITES, Claim, Suite
from engine.config import RunConfig
from engine.errors import DetectorError, RunInterruptedError, SettingsError, StorageError
from engine.jobs import benchmarks
from engine.records import Dataset
from engine.runs.materials import gather
from engine.store.repository import Repository
from tests.engine.tiny import write_weights

Settings = Callable[..., RunConfig]


CLAIM = Claim(key="more", holds="It grows", fails="It shrinks")


class TinySuite:
    """Three parts, one of them for CUDA; what it was given and which parts it measured."""

    def __init__(self, name: str = "tiny") -> None:
        self.subject: Any = None
        self.scale: Any = None
        self.measured: list[str] = []
        self.fails: BaseException | None = None
        self.suite = Suite(
            name=name,
            question="How many?",
            claims=(CLAIM,),
            parts={key: partial(self.measure, key) for key in ("one", "on a GPU", "two")},
            needs_cuda=("on a GPU",),
        )

    def measure(self, key: str, subject: Any, scale: Any, report: Callable[[str], object]) -> list:
        self.subject, self.scale = subject, scale
        report(f"measuring {key}")
        if key == "two" and self.fails is not None:
            raise self.fails
        self.measured.append(key)
        count = float(len(self.measured))
        side: dict[str, Any] = {"": key}
        return [
            measured(side, "images/s", count),
            ratio(side, {"": "nothing"}, "images/s", (2 * count, count), CLAIM),
        ]


@pytest.fixture
def tiny() -> Iterator[TinySuite]:
    made = TinySuite()
    with SUITES.having(made.suite):
        yield made


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
    assert result["answer"] == "It grows: 2 times the speed."
    assert [row["value"] for row in result["measurements"]] == [1.0, 2.0]
    assert [row["effect"] for row in result["comparisons"]] == [[2.0, 2.0, 2.0]] * 2
    assert (result["device"], result["dataset"]["images"]) == ("cpu", 5)
    assert result["machine"]["cpu_model"]


def test_what_was_measured_is_on_record(run: Callable, tiny: TinySuite) -> None:
    result = run(job_id=None)
    with Repository() as repository:
        stored = repository.benchmarks.get(result["id"])
        assert repository.benchmarks.done_parts(stored.id) == ["one", "two"]
    assert (stored.state, stored.answer) == ("finished", result["answer"])
    assert [row.side for row in stored.measurements] == [{"": "one"}, {"": "two"}]
    assert [row.outcome for row in stored.comparisons] == ["confirmed", "confirmed"]
    assert stored.machine == result["machine"]["cpu_model"]


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ({}, {}),
        ({"seconds": 1.5}, {"seconds": 1.5, "compared_s": 1.5}),
        ({"seeds": 2}, {"seeds": 2, "strength_seeds": 2}),
    ],
)
def test_seconds_and_seeds_replace_the_scales(
    run: Callable, tiny: TinySuite, asked: dict[str, Any], changed: dict[str, Any]
) -> None:
    result = run(**asked)
    assert tiny.scale == replace(SCALES["small"], **changed)
    assert (result["seconds"], result["seeds"]) == (asked.get("seconds"), asked.get("seeds"))


def test_only_the_demo_has_scenes_that_no_run_sees(
    run: Callable, tiny: TinySuite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    run()
    assert tiny.subject.unseen(lines.append) == []
    materials = gather(settings())
    drawn: list[str] = []

    def draw(split: str, *, report: Callable[[int, int], object]) -> Dataset:
        drawn.append(split)
        report(49, 100)
        report(50, 100)
        return materials.dataset

    monkeypatch.setattr(benchmarks, "demo_dataset", draw)
    demo = replace(materials, dataset=replace(materials.dataset, name="demo", synthetic=True))
    scenes = benchmarks._unseen(demo, lines.append)
    assert drawn == ["test"]
    assert lines == ["Drew 50 of 100 scenes for scoring patches"]
    assert [scene.count() for scene in scenes] == [1, 2, 1, 2, 1, 0]  # of the class under attack


def test_a_suite_without_comparisons_says_so(run: Callable, tiny: TinySuite) -> None:
    parts = {"bare": lambda subject, scale, report: [measured({"": "a"}, "s", 1.0)]}
    with SUITES.having(replace(tiny.suite, name="bare", parts=parts, needs_cuda=())):
        assert run("bare")["answer"] == "Nothing could be compared."


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
    assert lines[0] == "one: already measured"


@pytest.mark.parametrize(
    ("change", "measured"),
    [
        ({}, ["one", "two"]),
        ({"fresh": True}, ["one", "one", "two"]),
        ({"scale": "medium"}, ["one", "one", "two"]),
        ({"seconds": 2.0}, ["one", "one", "two"]),
        ({"seeds": 2}, ["one", "one", "two"]),
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


def test_a_suite_of_several_detectors_has_each_with_its_own_class(
    run: Callable, tiny: TinySuite, settings: Settings, tmp_path: Path
) -> None:
    other = write_weights(tmp_path / "other.pt", seed=2, classes=("car", "person"))
    with SUITES.having(replace(tiny.suite, name="several", detectors=2)):
        result = run("several", config=settings(further_weights=(str(other),)))
    (further,) = tiny.subject.further
    assert result["detector"] == "tiny + other"
    assert (further.detector.name, further.unfused.name, further.class_id) == ("other", "other", 1)
    assert [record.count(1) for record in further.records] == [1, 2, 1, 2, 1]
    assert [each.path for each in further.records] == [each.path for each in tiny.subject.records]


def test_of_all_suites_those_that_lack_detectors_are_left_out(
    tiny: TinySuite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_weights(tmp_path / "other.pt", seed=2)
    lines: list[str] = []
    several = TinySuite("several")
    with SUITES.having(replace(several.suite, detectors=2)):
        monkeypatch.setattr(benchmarks, "SUITES", {name: SUITES[name] for name in ("tiny", "several")})
        alone, _ = benchmarks.run_all(settings(), scale="small", report=lines.append)
        assert "Suite several: skipped, as it needs more detectors" in lines
        config = settings(further_weights=(str(other),))
        both, failures = benchmarks.run_all(config, scale="small", report=lines.append)
    assert [[each["suite"] for each in results] for results in (alone, both)] == [
        ["tiny"],
        ["tiny", "several"],
    ]
    assert ([each["detector"] for each in both], failures) == (["tiny", "tiny + other"], {})


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


def test_one_failing_suite_does_not_end_the_others(tiny: TinySuite, settings: Settings) -> None:
    failing, broken = TinySuite("failing"), TinySuite("broken")
    failing.fails, broken.fails = DetectorError("it is\ngone"), ZeroDivisionError("by zero")
    names = ["failing", "broken", "tiny"]
    lines: list[str] = []
    with ExitStack() as stack:
        for made in (failing, broken):
            stack.enter_context(SUITES.having(made.suite))
        asked = {"scale": "small", "report": lines.append, "names": names}
        results, failures = benchmarks.run_all(settings(), **asked)
        assert [result["suite"] for result in results] == ["tiny"]
        assert failures == {"failing": "it is gone", "broken": "ZeroDivisionError: by zero"}
        assert "failing failed: it is gone" in lines
        failing.fails = broken.fails = None
        results, failures = benchmarks.run_all(settings(), **asked)
    assert ([result["suite"] for result in results], failures) == (names, {})
    assert tiny.measured == failing.measured == ["one", "two"]  # nothing was measured twice


def test_a_stop_ends_them_all(tiny: TinySuite, settings: Settings) -> None:
    tiny.fails = KeyboardInterrupt()
    other = TinySuite("other")
    with SUITES.having(other.suite), pytest.raises(RunInterruptedError):
        benchmarks.run_all(settings(), scale="small", report=print, names=["tiny", "other"])
    assert other.measured == []
