# SPDX-License-Identifier: AGPL-3.0-only
"""A kind of job from outside, in this one file: queued, carried out, cancelled, listed, shown and named."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from engine.cli import cli
from engine.errors import SettingsError
from engine.jobs import child, queue
from engine.jobs.kinds import KINDS, Kind
from engine.jobs.kinds.request import Request
from engine.jobs.ledger import Ledger, StoredLedger
from engine.jobs.reporting import Reporter
from engine.jobs.worker import Worker
from engine.records import Job
from engine.settings import setting
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.engine.store.factories import elsewhere

opened = partial(reading.opened, "jobs")


@dataclass(frozen=True, kw_only=True)
class CountRequest(Request):
    to: int = setting(..., "Up to", "The last number.", bounds=(1, 100), kinds=(int,))
    seed: int = setting(0, "Seed", "Of nothing.")
    endless: bool = setting(False, "Endless", "Go on until somebody has had enough.")


class Count(Kind[CountRequest]):
    name = "count"
    help = "Count sheep."
    title = "Counting of sheep"
    request = CountRequest
    words: ClassVar = {"counting": "Counting", "sheep": "sheep"}

    def label(self, request: CountRequest, facts: Mapping[str, Any]) -> str:
        return f"Count to {request.to}"

    def seed(self, request: CountRequest) -> int:
        return request.seed

    def work(self, request: CountRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        reporter = Reporter(ledger)
        for number in range(1, request.to + 1):
            reporter.phase("counting", number, request.to, "sheep")
        if request.endless:
            with Repository() as repository:  # whoever looks on has had enough
                queue.cancel(repository, ledger.job_id)
        while request.endless:
            reporter.phase("counting", request.to, request.to, "sheep")
        reporter.finish()
        (folder / "sheep.txt").write_text(str(request.to))
        return {"counted": request.to}

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        repository.jobs.edit(job.id, notes=f"{result['counted']} on record")

    def cancelled(self, repository: Repository, job: Job) -> None:
        repository.jobs.edit(job.id, notes="counted in vain")


class InThread:
    """A job carried out in a thread of the worker's process."""

    def __init__(self, job: Job) -> None:
        self._job, self._stop = job, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.stop = self.kill = self._stop.set

    def poll(self, within_s: float) -> int | None:
        self._thread.join(within_s)
        return None if self._thread.is_alive() else self._code

    def _run(self) -> None:
        with Repository() as repository:
            ledger = StoredLedger(repository, self._job, stop_requested=self._stop.is_set, lost=self._lost)
            self._code = child.carry_out(self._job, ledger)

    def _lost(self) -> None:
        raise AssertionError("the attempt no longer counts")


@pytest.fixture(autouse=True)
def count() -> Iterator[Kind]:
    with KINDS.having(Count()) as kind:
        yield kind


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as at_work:
        yield at_work


def listed(*arguments: object) -> str:
    ran = CliRunner().invoke(cli, list(map(str, arguments)))
    assert ran.exit_code == 0, ran.output
    return ran.output


def worked(repository: Repository, job: Job) -> Job:
    Worker(repository, "cpu", InThread).run(once=True)
    return repository.jobs.get(job.id)


def test_it_is_carried_out_recorded_and_shown(repository: Repository, app: AppTest) -> None:
    job = queue.submit(repository, "count", CountRequest(to=3, seed=5))
    assert (job.label, job.request, job.device, job.seed, job.estimate) == (
        *("Count to 3", {"to": 3, "seed": 5, "endless": False}, "auto", 5, {}),
    )
    done = worked(repository, job)
    assert (done.state, done.result, done.notes) == ("succeeded", {"counted": 3}, "3 on record")
    assert (done.progress.phase, done.progress.done, done.progress.unit) == ("counting", 3, "sheep")
    assert (queue.job_folder(job.id) / "sheep.txt").read_text() == "3"
    assert "count  succeeded  counting 3/3 sheep" in listed("jobs", "list")
    assert listed("jobs", "show", job.id).startswith("job 1: Count to 3\ncount, succeeded, counting 3/3")
    opened(app)
    assert list(app.dataframe[0].value["Type"]) == ["Counting of sheep"]
    opened(app, job=job.id)
    assert not app.exception
    assert "Counting of sheep · Job 1" in reading.texts(app)


def test_it_is_cancelled_at_work(repository: Repository) -> None:
    ended = worked(repository, queue.submit(repository, "count", CountRequest(to=3, endless=True)))
    assert (ended.state, ended.error, ended.notes) == ("cancelled", None, "counted in vain")
    assert "sheep.txt" not in [path.name for path in queue.job_folder(ended.id).iterdir()]


def test_its_progress_is_named(repository: Repository, app: AppTest) -> None:
    queue.submit(repository, "count", CountRequest(to=3))
    repository.workers.add(elsewhere("w"))
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    ledger = StoredLedger(repository, job, stop_requested=lambda: False, lost=lambda: None)
    Reporter(ledger).phase("counting", 2, 3, "sheep")
    opened(app, job=job.id)
    assert [each.proto.text for each in app.get("progress")] == ["Counting · 2 / 3 sheep"]


def test_what_it_cannot_do_is_refused_anew_for_its_duplicates(repository: Repository) -> None:
    job = queue.submit(repository, "count", CountRequest(to=3))
    assert queue.duplicate(repository, job.id, to=4).request["to"] == 4
    for changes, message in (
        ({"to": 0}, "to: expected 1 to 100, got 0"),
        ({"to": "many"}, "to: expected a whole number, got 'many'"),
        ({"wolves": 1}, "settings: expected those of job 1, got wolves"),
    ):
        with pytest.raises(SettingsError, match=f"^{message}$"):
            queue.duplicate(repository, job.id, **changes)
    assert repository.jobs.count() == 2


def test_a_version_that_does_not_know_it_shows_refuses_and_cancels_it(
    repository: Repository, app: AppTest, count: Kind
) -> None:
    first, second = (queue.submit(repository, "count", CountRequest(to=3)) for _ in range(2))
    del KINDS._things["count"]
    try:
        failed = worked(repository, first)
        assert failed.state == "failed"
        assert failed.error == (
            "job 1: expected a kind of job that this version knows, got 'count'; update PatchBench"
        )
        assert queue.cancel(repository, second.id).state == "cancelled"
        with pytest.raises(SettingsError, match=r"^kind of job: expected one of .*, got 'count'$"):
            queue.retry(repository, second.id)
        opened(app)
        assert list(app.dataframe[0].value["Type"]) == ["count", "count"]
        opened(app, job=first.id, failing=True)
        opened(app, job=second.id)
    finally:
        KINDS.add(count)
