# SPDX-License-Identifier: AGPL-3.0-only
"""A sweep in the foreground: this process works where no worker does, stops on request, and goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from engine.config import RunConfig
from engine.errors import JobError, RunInterruptedError
from engine.jobs import queue, sweeps
from engine.jobs.child import INTERRUPTED, carry_out
from engine.jobs.ledger import StoredLedger
from engine.jobs.sweep_runs import carry_out as carry_out_sweep
from engine.jobs.worker import Worker
from engine.records import Job
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from engine.sweeps.config import SweepRequest

Settings = Callable[..., RunConfig]


class InProcess:
    """A job that runs in this process as soon as it is launched; stops when that is asked of it."""

    def __init__(self, repository: Repository, job: Job) -> None:
        asked = lambda: repository.queue.stop_request(job) is not None  # noqa: E731
        ledger = StoredLedger(repository, job, stop_requested=asked, lost=lambda: None)
        self._code = carry_out(job, ledger)

    def poll(self, within_s: float) -> int | None:
        return self._code

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Ended(InProcess):
    def __init__(self, code: int) -> None:
        self._code = code


@pytest.fixture
def sweep(repository: Repository, settings: Settings) -> Sweep:
    """Three tiny runs."""
    config = settings(iterations=2, validate_every=1, validation_share=0.4, seed=1)
    request = SweepRequest(config=config, vary=("learning_rate=0.01,0.05,0.2",), sampler="grid")
    return sweeps.advance(repository, sweeps.begin(repository, request).id)


def test_trials_are_run_and_scored_on_images_held_out(repository: Repository, sweep: Sweep) -> None:
    told: list[int] = []
    done = carry_out_sweep(
        repository,
        sweep.id,
        report=lambda sweep: told.append(sweep.ended),
        launch=lambda job: InProcess(repository, job),
    )
    assert (done.state, done.ended, told) == ("finished", 3, [0, 1, 2, 3])
    for trial in done.trials:
        (job,) = (repository.jobs.get(job_id) for job_id in trial.jobs)
        assert job.result is not None
        assert trial.value == job.result["evaluation"]["patch"]["asr"]
        assert job.result["evaluation"]["on"] == "held-out images"
        validated = [event for event in job.result["events"] if event["event"] == "validated"]
        stored = repository.validations.of([job.id])
        assert [each.iteration for each in stored] == [1, 2]
        assert [each.scores["asr"] for each in stored] == [event["asr"] for event in validated]
    assert repository.workers.all() == []


def test_one_that_is_stopped_goes_on(repository: Repository, sweep: Sweep) -> None:
    def stopping(job: Job) -> Ended:
        os.kill(os.getpid(), signal.SIGINT)
        return Ended(INTERRUPTED)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        RunInterruptedError, match=f"resume it with: python -m engine sweep resume {sweep.id}"
    ):
        carry_out_sweep(repository, sweep.id, launch=stopping)
    assert signal.getsignal(signal.SIGINT) is before
    (job,) = sweeps.open_jobs(repository, sweep)
    assert job.state == "queued"  # which goes on by itself


def test_a_sweep_that_waits_for_somebody_says_so(repository: Repository, sweep: Sweep) -> None:
    (job,) = sweeps.open_jobs(repository, sweep)
    queue.pause(repository, job.id)
    with pytest.raises(JobError, match=f"got job {job.id}, which is paused; resume it with: sweep resume"):
        carry_out_sweep(repository, sweep.id, launch=lambda job: Ended(0))


def test_where_a_worker_is_alive_it_is_watched(repository: Repository, sweep: Sweep) -> None:
    worker = Worker(repository, "cpu", lambda job: InProcess(repository, job))

    def cancelled(now: Sweep) -> None:
        if now.state == "running":
            sweeps.cancel(repository, now.id)

    assert carry_out_sweep(repository, sweep.id, report=cancelled).state == "cancelled"
    worker.run(until_idle=True)


def test_why_a_sweep_failed(repository: Repository, sweep: Sweep) -> None:
    repository.sweeps.end(sweep.id, "failed", error="expected optuna, got none")
    with pytest.raises(JobError, match=f"sweep {sweep.id}: expected optuna, got none; resume it with"):
        carry_out_sweep(repository, sweep.id)
