# SPDX-License-Identifier: AGPL-3.0-only
"""A sweep over the queue: its trials are jobs, what is stored decides what is next, wherever it was cut."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import JobError, SettingsError
from engine.jobs import queue, sweeps
from engine.records import Job
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from engine.sweeps import proposals
from engine.sweeps.config import SweepRequest

Settings = Callable[..., RunConfig]
Ask = Callable[..., SweepRequest]


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """A sweep of four combinations, unless changed; a grid, which imports nothing."""

    def make(*vary: str, config: dict[str, Any] | None = None, **more: Any) -> SweepRequest:
        usual: dict[str, Any] = {"sampler": "grid"}
        return SweepRequest(
            config=settings(**config or {}), vary=vary or ("top_k=1,5", "flip"), **usual | more
        )

    return make


def scores(asr: float | None) -> dict[str, Any]:
    kept = None if asr is None else 1 - asr
    return {"evaluation": {"patch": {"asr": asr, "confidence_retained": kept, "ap50": kept}}}


def begun(repository: Repository, asked: SweepRequest, **more: Any) -> Sweep:
    return sweeps.advance(repository, sweeps.begin(repository, asked, **more).id)


def claim(repository: Repository, device: str = "cpu") -> Job:
    job = repository.queue.claim("w", device)
    assert job is not None
    return job


def work(repository: Repository, sweep: Sweep, value: Callable[[RunConfig], float | None]) -> Sweep:
    """Carry out the sweep's next job as if it had scored this."""
    job = claim(repository)
    result = scores(value(RunConfig.from_json(job.request["config"])))
    repository.queue.finish(job, "succeeded", result=result)
    return sweeps.advance(repository, sweep.id)


def test_nothing_advances_in_an_empty_database(repository: Repository) -> None:
    sweeps.advance_all(repository)
    with pytest.raises(JobError, match="sweep 1: expected an existing one"):
        sweeps.advance(repository, 1)


def test_each_trial_is_a_job_and_the_best_one_is_found(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask(), priority=3, needs={"gpus": 0.5})
    assert (sweep.name, sweep.state) == ("asr by top_k, flip", "running")
    while sweep.state == "running":
        (job,) = sweeps.open_jobs(repository, sweep)
        assert (job.kind, job.priority, job.auto_resume) == ("generate", 3, True)
        assert job.needs == {"gpus": 0.5}
        assert job.label.startswith(f"Sweep {sweep.id}, trial {len(sweep.trials)}: top_k ")
        sweep = work(repository, sweep, lambda config: config.top_k / 10 + config.flip / 100)
    assert (sweep.state, len(sweep.trials), sweep.ended) == ("finished", 4, 4)
    best = sweeps.best_trial(sweep)
    assert best is not None
    assert (best.settings, best.value) == ({"top_k": 5, "flip": True}, pytest.approx(0.51))
    assert set(sweep.importance) == {"top_k", "flip"}


def test_the_same_sweep_goes_on_and_another_begins(repository: Repository, ask: Ask) -> None:
    first = begun(repository, ask())
    assert begun(repository, ask()).id == first.id
    assert begun(repository, ask(parallel=2)).id == first.id
    assert begun(repository, ask(objective="smooth")).id != first.id
    assert begun(repository, ask(), fresh=True).id != first.id
    assert len(repository.groups.jobs(first.id)) == 1


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_sweep_cut_off_anywhere_tries_the_same(
    repository: Repository, ask: Ask, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """The process dies within a step: all of it happens again, and once."""
    asked = ask("learning_rate=0.01..0.1:log", sampler="tpe", trials=3)
    unbroken = begun(repository, asked)
    while unbroken.state == "running":
        unbroken = work(repository, unbroken, lambda config: config.learning_rate)
    submit, calls = queue.submit, count(1)

    def dying(*given: Any, **more: Any) -> Job:
        job = submit(*given, **more)
        if next(calls) == cut:
            raise KeyboardInterrupt
        return job

    monkeypatch.setattr(queue, "submit", dying)
    with suppress(KeyboardInterrupt):
        begun(repository, asked, fresh=True)
    sweep = repository.sweeps.find()[0]
    assert sweep.id != unbroken.id
    while sweep.state == "running":
        with suppress(KeyboardInterrupt):
            sweep = sweeps.advance(repository, sweep.id)
            sweep = work(repository, sweep, lambda config: config.learning_rate)
    assert [trial.settings for trial in sweep.trials] == [trial.settings for trial in unbroken.trials]
    assert [trial.value for trial in sweep.trials] == [trial.value for trial in unbroken.trials]
    assert len(repository.groups.jobs(sweep.id)) == 3


def test_the_mean_over_seeds_decides(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask("top_k=1,5", seeds=2, config={"seed": 4}))
    assert [job.seed for job in sweeps.open_jobs(repository, sweep)] == [4, 5]
    assert ", seed 4: top_k" in repository.groups.jobs(sweep.id)[0].label
    while sweep.state == "running":
        sweep = work(repository, sweep, lambda config: {4: 0.2, 5: 0.6}[config.seed] + config.top_k / 100)
    best = sweeps.best_trial(sweep)
    assert best is not None
    assert (best.settings, best.value) == ({"top_k": 5}, pytest.approx(0.45))
    assert best.per_seed == pytest.approx((0.25, 0.65))
    assert sweeps.best_run(sweep, best) == 1


def test_several_trials_at_once(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask(parallel=3))
    assert len(sweeps.open_jobs(repository, sweep)) == 3
    jobs = [claim(repository, f"cpu:{number}") for number in range(3)]
    repository.queue.finish(jobs[1], "succeeded", result=scores(0.5))
    assert [trial.state for trial in sweeps.advance(repository, sweep.id).trials] == [
        "running",
        "succeeded",
        "running",
        "running",
    ]


@pytest.mark.parametrize(
    ("objective", "result", "value"),
    [
        ("asr", scores(0.25), 0.25),
        ("smooth", scores(0.25), 0.75),
        ("ap50", scores(0.25), 0.75),
        ("images_per_s", {"image_iterations_per_s": 12.5}, 12.5),
        ("asr", scores(0.2) | {"further_evaluations": [scores(0.6)["evaluation"]]}, 0.4),
    ],
)
def test_the_objective_of_a_run(
    repository: Repository, ask: Ask, objective: str, result: dict[str, Any], value: float
) -> None:
    sweep = begun(repository, ask("top_k=1", objective=objective))
    job = claim(repository)
    assert job.request["evaluate_after"] is (objective != "images_per_s")
    repository.queue.finish(job, "succeeded", result=result)
    (trial,) = sweeps.advance(repository, sweep.id).trials
    assert (trial.state, trial.value) == ("succeeded", pytest.approx(value))


def test_trials_that_fail_are_deleted_or_cancelled_are_no_end(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask("top_k=1,2,3,4", seeds=2))
    repository.queue.finish(claim(repository), "failed", error="expected memory, got none")
    sweep = sweeps.advance(repository, sweep.id)
    assert [job.state for job in repository.groups.jobs(sweep.id)] == ["failed", "cancelled", *["queued"] * 2]
    queue.cancel(repository, sweeps.open_jobs(repository, sweep)[0].id)
    queue.delete(repository, sweeps.open_jobs(repository, sweep)[0].id)
    sweep = sweeps.advance(repository, sweep.id)
    for value in (None, None, 0.5, 0.7):
        sweep = work(repository, sweep, lambda config, value=value: value)
    states = [(trial.state, trial.error) for trial in sweep.trials]
    assert states[0] == ("failed", "expected memory, got none")
    assert states[1] == ("cancelled", None)
    assert states[2][0] == "failed"
    assert "expected a score on the held-out images, got none" in str(states[2][1])
    assert states[3][0] == "succeeded"
    assert sweep.state == "finished"
    assert sweeps.best_trial(sweep) == sweep.trials[3]


def test_settings_that_cannot_be_combined_cost_a_trial(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask("batch_start=8,0", "batch_size=2"))
    failed = [trial for trial in sweep.trials if trial.state == "failed"]
    assert all("initial batch size: expected at most the batch size" in str(trial.error) for trial in failed)
    sweep = work(repository, sweep, lambda config: 0.5)
    assert sorted(trial.state for trial in sweep.trials) == ["failed", "succeeded"]
    assert sweep.state == "finished"


def test_a_cancelled_sweep_stays_so(repository: Repository, ask: Ask) -> None:
    sweep = sweeps.cancel(repository, begun(repository, ask()).id)
    assert (sweep.state, sweep.trials[0].state) == ("cancelled", "cancelled")
    assert sweeps.open_jobs(repository, sweep) == []
    sweeps.advance_all(repository)
    assert len(repository.sweeps.get(sweep.id).trials) == 1
    with pytest.raises(JobError, match="expected a sweep that can be resumed, got a cancelled one"):
        sweeps.go_on(repository, sweep.id)
    with pytest.raises(JobError, match="expected a running sweep, got one that is cancelled"):
        sweeps.cancel(repository, sweep.id)


def test_paused_and_interrupted_jobs_go_on_with_their_sweep(repository: Repository, ask: Ask) -> None:
    sweep = begun(repository, ask(seeds=2))
    first, second = sweeps.open_jobs(repository, sweep)
    queue.pause(repository, second.id)
    repository.queue.finish(claim(repository), "interrupted", error="its worker is gone")
    assert sweeps.advance(repository, sweep.id).trials[0].state == "running"
    sweeps.go_on(repository, sweep.id)
    assert {repository.jobs.get(job.id).state for job in (first, second)} == {"queued"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SettingsError("expected the package optuna, got none"), "expected the package optuna, got none"),
        (
            ZeroDivisionError("by\nnothing"),
            "ZeroDivisionError: by nothing; this is a bug, report it with the worker's log",
        ),
    ],
)
def test_a_sweep_that_cannot_go_on_says_why_and_goes_on_later(
    repository: Repository, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    sweep = begun(repository, ask("top_k=1,5"))
    with monkeypatch.context() as patched:
        patched.setattr(proposals, "propose", lambda *given: (_ for _ in ()).throw(error))
        repository.queue.finish(claim(repository), "succeeded", result=scores(0.5))
        sweeps.advance_all(repository)
    stopped = repository.sweeps.get(sweep.id)
    assert (stopped.state, stopped.error, stopped.ended) == ("failed", reason, 0)
    sweeps.go_on(repository, sweep.id)
    assert len(sweeps.advance(repository, sweep.id).trials) == 2


@pytest.mark.parametrize("prune", ["median", "asha"])
def test_a_hopeless_trial_is_pruned_by_cancelling_its_jobs(
    repository: Repository, ask: Ask, prune: str
) -> None:
    sweep = begun(repository, ask("top_k=1,2,3,4,5,6", prune=prune, seeds=2))
    for asr in (0.5, 0.6, 0.7, 0.8):
        job = claim(repository)
        for iteration in (2, 4):
            repository.validations.add(job.id, iteration, {"asr": asr})
        repository.queue.finish(job, "succeeded", result=scores(asr))
        sweep = work(repository, sweep, lambda config, asr=asr: asr)
    job = claim(repository)
    for iteration in (2, 4):
        repository.validations.add(job.id, iteration, {"asr": 0.1})
    assert sweeps.prune_if_hopeless(repository, job)
    sweep = sweeps.advance(repository, sweep.id)
    assert (sweep.trials[4].state, sweep.trials[4].value) == ("pruned", 0.1)
    # Both at once: the worker `w` is none that is alive.
    assert {repository.jobs.get(job_id).state for job_id in sweep.trials[4].jobs} == {"cancelled"}
    assert len(sweep.trials) == 6
    assert sweeps.best_trial(sweep) == sweep.trials[3]


def test_what_is_not_pruned(repository: Repository, ask: Ask, settings: Settings) -> None:
    alone = repository.jobs.add(kind="generate", label="a", request={})
    assert not sweeps.prune_if_hopeless(repository, alone)
    sweep = begun(repository, ask(prune="median"))
    (job,) = sweeps.open_jobs(repository, sweep)
    assert not sweeps.prune_if_hopeless(repository, job)  # before any validation
    repository.validations.add(job.id, 2, {"asr": 0.0})
    assert not sweeps.prune_if_hopeless(repository, job)  # nothing to compare it with
