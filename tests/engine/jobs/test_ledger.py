# SPDX-License-Identifier: AGPL-3.0-only
"""What is reported of a job is stored as long as its attempt counts; its kind records what it made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.jobs import queue
from engine.jobs.kinds.dataset_import import DatasetImport, ImportRequest
from engine.jobs.ledger import StoredLedger
from engine.records import Job, Progress
from engine.store.repository import Repository
from tests.engine.store.factories import step


class LostError(Exception):
    """Stands for the end of the process."""


def lost() -> None:
    raise LostError


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened


@pytest.fixture
def job(repository: Repository) -> Job:
    queue.submit(repository, "import", ImportRequest(source="demo"), auto_resume=True)
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    return job


@pytest.fixture
def ledger(repository: Repository, job: Job) -> StoredLedger:
    return StoredLedger(repository, job, stop_requested=lambda: True, lost=lost)


def test_reports_are_stored(repository: Repository, ledger: StoredLedger) -> None:
    assert (ledger.job_id, ledger.stop_requested(), ledger.last_step()) == (1, True, 0)
    ledger.report(Progress(phase="reading"), steps=[step(1), step(2)])
    assert (repository.jobs.get(1).progress.phase, ledger.last_step()) == ("reading", 2)
    ledger.report(Progress(phase="reading"), forget_after=1)
    assert ledger.last_step() == 1


def test_an_attempt_that_no_longer_counts_ends(repository: Repository, ledger: StoredLedger) -> None:
    repository.queue.release(["w"], "gone")
    with pytest.raises(LostError):
        ledger.report(Progress(phase="reading"), steps=[step(1)])
    assert repository.steps.read(1) == []
    ledger.succeed({"done": True})
    ledger.fail("in vain")
    assert (repository.jobs.get(1).state, repository.jobs.get(1).result) == ("queued", None)


def test_a_checkpoint_makes_the_attempt_fruitful(repository: Repository, job: Job) -> None:
    for _ in range(2):
        repository.queue.release(["w"], "gone")
        job = repository.queue.claim("w", "cpu") or job
    assert not repository.queue.may_go_on(job)
    StoredLedger(repository, job, stop_requested=lambda: False, lost=lost).checkpointed()
    assert repository.queue.may_go_on(job)


def test_a_validation_is_stored(repository: Repository, ledger: StoredLedger) -> None:
    ledger.validated(10, {"asr": 0.5}, {"asr": (0.25, 0.75)})
    (found,) = repository.validations.of([1])
    assert (found.iteration, found.scores, found.ci95) == (10, {"asr": 0.5}, {"asr": (0.25, 0.75)})


def test_the_kind_records_what_was_made(
    repository: Repository, ledger: StoredLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[tuple] = []
    monkeypatch.setattr(
        DatasetImport, "record", lambda self, _, job, result: recorded.append((job.id, job.state, result))
    )
    ledger.succeed({"dataset": "a"})
    assert recorded == [(1, "running", {"dataset": "a"})]
    assert (repository.jobs.get(1).state, repository.jobs.get(1).result) == ("succeeded", {"dataset": "a"})


def test_a_failure_is_stored(repository: Repository, ledger: StoredLedger) -> None:
    ledger.fail("no such set")
    assert (repository.jobs.get(1).state, repository.jobs.get(1).error) == ("failed", "no such set")
