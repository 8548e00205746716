# SPDX-License-Identifier: AGPL-3.0-only
"""`jobs …` on the command line: listed, shown, followed, controlled."""

from __future__ import annotations

import pytest

from engine.cli import jobs
from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.records import Job, Progress
from engine.runs.paths import log_path
from engine.store.repository import Repository
from tests.engine.cli.conftest import Run
from tests.engine.store.factories import elsewhere


@pytest.fixture
def job() -> Job:
    with Repository() as repository:
        config = RunConfig(dataset="demo", weights="demo")
        return queue.submit(
            repository, "generate", GenerateRequest(config=config), label="mine", tags=["nightly"]
        )


def test_an_empty_list_says_what_to_do(run: Run) -> None:
    assert run("jobs", "list").out.startswith("No such job; try: python -m engine jobs submit")
    assert run("jobs", "list", "--json").json == []
    assert "job 1: expected an existing job, found none" in run("jobs", "show", 1).error


def test_jobs_are_listed_and_shown(run: Run, job: Job) -> None:
    with Repository() as repository:
        queue.submit(repository, "import", ImportRequest(source="demo"), waits_for=job.id)
        repository.workers.add(elsewhere("w"))
        running = repository.queue.claim("w", "cpu")
        assert running is not None
        repository.queue.report(
            running,
            Progress(phase="optimising", done=3, total=9, unit="steps", loss=0.5, rate=2, remaining_s=60),
        )
        queue.pause(repository, job.id)
    listed = run("jobs", "list").out
    assert "running, pause requested" in listed
    assert "optimising 3/9 steps, loss 0.5000, 2.00/s, 60 s left" in listed
    assert "queued, waits for job 1" in listed
    assert [each["id"] for each in run("jobs", "list", "--json", "--text", "NIGHTLY").json] == [1]
    assert run("jobs", "list", "--state", "failed", "--json").json == []
    shown = run("jobs", "show", 1)
    assert shown.out.startswith("job 1: mine\ngenerate, running, pause requested, optimising 3/9")
    assert "attempt 1 on cpu" in shown.out
    as_json = run("jobs", "show", 1, "--json").json
    assert [event["event"] for event in as_json["events"]] == ["queued", "started", "pause asked"]
    assert as_json["progress"]["done"] == 3


def test_progress_can_be_followed_to_the_end(run: Run, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with Repository() as repository:
        repository.workers.add(elsewhere("w"))

    def go_on(seconds: float) -> None:
        with Repository() as repository:
            running = repository.queue.claim("w", "cpu")
            if running is not None:
                repository.queue.report(running, Progress(phase="loading"))
            else:
                now = repository.jobs.get(job.id)
                repository.queue.finish(now, "failed", error="why it failed")

    monkeypatch.setattr(jobs.time, "sleep", go_on)
    followed = run("jobs", "show", job.id, "--follow")
    assert followed.err.splitlines() == ["queued, not started", "running, loading", "failed, loading"]
    assert "why it failed" in followed.out


def test_the_end_of_the_log_is_printed(run: Run, job: Job) -> None:
    assert run("jobs", "log", job.id, "--json").json == []
    log_path(job.id).parent.mkdir(parents=True)
    log_path(job.id).write_text("one\ntwo\nthree\n")
    assert run("jobs", "log", job.id, "--lines", 2).out == "two\nthree\n"
    assert "expected an existing job" in run("jobs", "log", 99).error


def test_jobs_are_controlled(run: Run, job: Job) -> None:
    assert run("jobs", "pause", job.id).out == "job 1: paused\n"
    assert run("jobs", "resume", job.id, "--json").json["state"] == "queued"
    assert run("jobs", "cancel", job.id).out == "job 1: cancelled\n"
    assert "expected state paused or interrupted to resume" in run("jobs", "resume", job.id).error
    assert run("jobs", "retry", job.id, "--json").json["origin"] == job.id
    changed = run("jobs", "duplicate", job.id, "--set", "seed=4", "--set", "class_name=car", "--json").json
    assert (changed["seed"], changed["request"]["config"]["class_name"]) == (4, "car")
    assert (
        "expected those of job 1, got colour" in run("jobs", "duplicate", job.id, "--set", "colour=1").error
    )
    nested = ("jobs", "duplicate", job.id, "--set")
    assert "expected some of kind, position" in run(*nested, 'placement={"size": 1}').error
    assert "placement scale: expected 0.01 to 1, got 5" in run(*nested, 'placement={"scale": 5}').error
    assert "expected NAME=VALUE, got 'seed'" in run("jobs", "duplicate", job.id, "--set", "seed").error
    assert run("jobs", "move", 3, "--before", 2).out == "job 3: queued\n"
    assert [
        each["id"] for each in run("jobs", "list", "--order", "queue", "--state", "queued", "--json").json
    ] == [3, 2]
    assert "expected --priority or --before" in run("jobs", "move", 3).error
    assert run("jobs", "delete", job.id).out == "job 1: deleted\n"
    assert "found none" in run("jobs", "show", job.id).error
