# SPDX-License-Identifier: AGPL-3.0-only
"""`sweep …`: begun, gone on with, listed, shown, its best command, cancelled; mistakes get one line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from engine.cli import sweeps as commands
from engine.jobs import sweeps
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from tests.engine.cli.conftest import Run

Carry = Callable[..., Sweep]
VARY = ("--vary", "top_k=1,5", "--sampler", "grid")


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials score 0.1 for each of their top k."""

    def carry_out(repository: Repository, sweep_id: int, *, report: Callable[[Sweep], object]) -> Sweep:
        while (sweep := sweeps.advance(repository, sweep_id)).state == "running":
            report(sweep)
            job = repository.queue.claim("w", "cpu")
            assert job is not None
            asr = job.request["config"]["top_k"] / 10
            repository.queue.finish(job, "succeeded", result={"evaluation": {"patch": {"asr": asr}}})
        return sweep

    monkeypatch.setattr(commands, "carry_out", carry_out)


def test_without_a_sweep(run: Run) -> None:
    assert run("sweep", "list", "--json").json == []
    assert "No sweeps yet; try: sweep run" in run("sweep", "list").err
    for command in ("show", "best", "resume", "cancel"):
        assert "sweep 4: expected an existing one, found none" in run("sweep", command, 4).error


def test_a_sweep_from_beginning_to_best(run: Run, small: list[Any], carried: None) -> None:
    options = [option for option in small if option != "--no-evaluate"]
    ran = run("-q", "sweep", "run", *options, *VARY, "--validation-share", 0)
    assert ran.code == 0
    assert "30% of the images are held out to compare trials" in ran.err
    assert "1 of 2 trials, best asr" in ran.err
    lines = ran.out.splitlines()
    assert lines[0].split() == ["trial", "state", "top_k", "asr", "jobs"]
    assert any(line.split()[1:] == ["*", "succeeded", "5", "0.5", line.split()[-1]] for line in lines)
    assert "sweep 1, finished: 2 of 2 trials" in lines
    again = run("-q", "sweep", "run", *options, *VARY, "--validation-share", 0, "--json").json
    assert (again["id"], again["state"], again["ended"], again["total"]) == (1, "finished", 2, 2)
    assert run("sweep", "show", 1, "--json").json == again
    assert run("sweep", "list", "--json").json == [again]
    assert "asr by top_k" in run("sweep", "list").out
    best = run("sweep", "best", 1)
    words = shlex.split(best.out)
    assert words[:5] == ["python", "-m", "engine", "patch", "generate"]
    assert words[words.index("--top-k") + 1] == "5"
    found = run("sweep", "best", 1, "--json").json
    assert (found["value"], found["command"]) == (0.5, best.out.strip())
    assert found["job"] in found["jobs"]


def test_one_for_the_background(run: Run, subject: list[Any]) -> None:
    how = ("--validation-share", 0.2, "--gpus", 0.5, "--background")
    queued = run("sweep", "run", *subject, *VARY, *how)
    assert queued.out == "sweep 1: queued; see it with: python -m engine sweep show 1\n"
    assert "held out" not in queued.err
    assert "No worker is running" in queued.err
    assert run("sweep", "resume", 1, "--background", "--json").json["state"] == "running"
    assert "expected a trial with a score, got none yet" in run("sweep", "best", 1).error
    assert run("jobs", "show", 1, "--json").json["needs"] == {"gpus": 0.5}
    assert run("sweep", "cancel", 1).out == "sweep 1: cancelled\n"
    assert run("sweep", "show", 1).out.splitlines()[-1] == "sweep 1, cancelled: 1 of 2 trials"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "vary: expected at least one setting, got none"),
        (
            ["--vary", "dataset=a"],
            "vary: expected a setting with one value that may differ between trials, got dataset",
        ),
        (["--vary", "top_k=0..5"], "top k: expected 1 to 1000, got 0"),
        (["--vary", "top_k=1..5", "--sampler", "grid"], "grid: expected a list of values for top_k"),
        ([*VARY, "--merge", "mean"], "sweep: expected the native backend and one shared patch"),
    ],
)
def test_mistakes(run: Run, subject: list[Any], options: list[str], message: str) -> None:
    assert message in run("sweep", "run", *subject, *options).error
