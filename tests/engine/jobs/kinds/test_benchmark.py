# SPDX-License-Identifier: AGPL-3.0-only
"""A benchmark is asked for by suite, reports its parts and stops between its lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import RunInterruptedError, SettingsError
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut

DEMO = RunConfig(dataset="demo", weights="demo")


@pytest.mark.parametrize(
    ("suite", "how", "message"),
    [
        ("none", {}, "suite: expected one of"),
        ("floor", {"scale": "tiny"}, "scale: expected one of large, medium, small, got 'tiny'"),
        ("floor", {"seeds": 0}, "seeds: expected 1 to 100, got 0"),
        ("floor", {"seconds": 0}, "seconds: expected 0.1 to 10000000, got 0"),
    ],
)
def test_what_no_benchmark_can_do_is_refused(suite: str, how: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        BenchmarkRequest(suite=suite, config=DEMO, **how)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the suite was run with; in its place two parts go by."""
    seen: dict[str, Any] = {}

    def run_suite(suite: str, config: RunConfig, **how: Any) -> dict[str, Any]:
        seen.update(how, suite=suite, config=config)
        how["progress"](0, 2)
        how["report"]("first part")
        if how["stop_requested"]():
            raise RunInterruptedError("stopped")
        how["progress"](2, 2)
        return {"answer": "yes"}

    monkeypatch.setattr("engine.jobs.benchmarks.run_suite", run_suite)
    return seen


def test_a_suite_is_run_as_it_was_asked_for(
    repository: Repository, carry_out: CarryOut, given: dict[str, Any]
) -> None:
    job = queue.submit(
        repository, "benchmark", BenchmarkRequest(suite="floor", config=DEMO, seconds=5, seeds=2)
    )
    assert job.label == "floor · person · demo · demo"
    assert list(job.request) == ["suite", "scale", "seconds", "seeds", "config", "trust"]
    assert job.request["config"] == json.loads(json.dumps(DEMO.to_json()))
    job, result, folder = carry_out()
    assert result == {"answer": "yes"}
    assert (given["suite"], given["scale"], given["seconds"], given["seeds"]) == ("floor", "small", 5, 2)
    assert (given["config"].device, given["job_id"], given["out"]) == ("cpu", 1, folder / "benchmark.json")
    progress = repository.jobs.get(1).progress
    assert (progress.phase, progress.done, progress.total, progress.unit) == ("measuring", 2, 2, "parts")


def test_a_suite_stops_at_its_lines(
    repository: Repository, carry_out: CarryOut, given: dict[str, Any]
) -> None:
    queue.submit(repository, "benchmark", BenchmarkRequest(suite="floor", config=DEMO))
    asked: list[int] = []
    carry_out(stop=lambda: asked.append(1) or len(asked) > 2, code=INTERRUPTED)
    assert given["suite"] == "floor"
    assert repository.jobs.get(1).state == "running"  # the worker knows what was asked
