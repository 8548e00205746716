# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps and trials are stored, ended once, and found again by what tells them apart."""

from __future__ import annotations

import pytest

from engine.errors import JobError
from engine.store.repository import Repository
from engine.store.sweeps import Sweep

KEY = {"request": 1}


def begun(repository: Repository, name: str = "rates") -> Sweep:
    group = repository.groups.add(kind="sweep", name=name, request={"trials": 2})
    return repository.sweeps.begin(group.id, KEY)


def test_nothing_is_found_in_an_empty_database(repository: Repository) -> None:
    assert repository.sweeps.find() == []
    assert repository.sweeps.running() == []
    assert repository.sweeps.latest(KEY) is None
    assert repository.sweeps.of_job(None) is None
    assert repository.sweeps.of_job(5) is None
    with pytest.raises(JobError, match="sweep 1: expected an existing one, found none; see: sweep list"):
        repository.sweeps.get(1)


def test_a_sweep_comes_back_with_its_trials(repository: Repository) -> None:
    sweep = begun(repository)
    repository.sweeps.add_trial(sweep.id, 1, {"top_k": 5}, [7, 8])
    repository.sweeps.add_trial(sweep.id, 2, {"top_k": 6}, [], error="top k: expected another")
    assert repository.sweeps.end_trial(sweep.id, 1, "succeeded", value=0.5, per_seed=[0.4, 0.6])
    assert not repository.sweeps.end_trial(sweep.id, 1, "cancelled")
    repository.sweeps.set_importance(sweep.id, {"top_k": 1.0})
    found = repository.sweeps.get(sweep.id)
    first, second = found.trials
    assert (first.state, first.settings, first.jobs) == ("succeeded", {"top_k": 5}, (7, 8))
    assert (first.value, first.per_seed) == (0.5, (0.4, 0.6))
    assert (second.state, second.error) == ("failed", "top k: expected another")
    assert (found.ended, found.importance, found.request, found.name) == (
        2,
        {"top_k": 1.0},
        {"trials": 2},
        "rates",
    )
    assert repository.sweeps.find() == [found] == [repository.sweeps.of_job(sweep.id)]


def test_a_sweep_ends_once_and_only_a_failed_one_goes_on(repository: Repository) -> None:
    sweep = begun(repository)
    assert repository.sweeps.running() == [sweep.id]
    assert repository.sweeps.end(sweep.id, "failed", error="why").error == "why"
    assert repository.sweeps.end(sweep.id, "finished").state == "failed"
    assert repository.sweeps.latest(KEY) == repository.sweeps.get(sweep.id)
    gone_on = repository.sweeps.go_on(sweep.id)
    assert (gone_on.state, gone_on.error, gone_on.finished_at) == ("running", None, None)
    repository.sweeps.end(sweep.id, "cancelled")
    assert repository.sweeps.go_on(sweep.id).state == "cancelled"
    assert repository.sweeps.latest(KEY) is None
    assert repository.sweeps.running() == []


def test_the_jobs_of_a_trial_and_the_trial_are_written_together(repository: Repository) -> None:
    sweep = begun(repository)

    def dying() -> None:
        with repository.connection.transaction():
            job = repository.jobs.add(kind="generate", label="a", request={}, group_id=sweep.id)
            repository.sweeps.add_trial(sweep.id, 1, {}, [job.id])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        dying()
    assert repository.jobs.find() == []
    assert repository.sweeps.get(sweep.id).trials == ()


def test_a_sweep_goes_with_its_group(repository: Repository) -> None:
    sweep = begun(repository)
    repository.sweeps.add_trial(sweep.id, 1, {}, [])
    repository.groups.delete(sweep.id)
    assert repository.sweeps.find() == []
