# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs are kept whole, found, edited and deleted."""

from __future__ import annotations

import time

import pytest

from engine.errors import JobError
from engine.records import Job, Progress
from engine.store.repository import Repository


def add(repository: Repository, **changes: object) -> Job:
    return repository.jobs.add(**({"kind": "generate", "label": "a", "request": {"n": 1}} | changes))


def test_an_empty_list_has_no_jobs(repository: Repository) -> None:
    assert repository.jobs.find() == []
    assert repository.jobs.count() == 0
    assert repository.jobs.count_by_state() == {}
    with pytest.raises(JobError, match="job 1: expected an existing job, found none; see: jobs list"):
        repository.jobs.get(1)
    with pytest.raises(JobError, match="job 1: expected an existing job"):
        repository.jobs.delete(1)


def test_a_job_comes_back_as_it_was_submitted(repository: Repository) -> None:
    job = add(
        repository,
        request={"config": {"seed": 3, "zoom": [0.8, 1.2]}, "trust": False},
        device="cuda:0",
        seed=3,
        code_version="1+abc",
        priority=2,
        auto_resume=True,
        parent="/home/jobs",
        tags=["x", "y"],
        notes="n",
        estimate={"elapsed_s": 4.5},
    )
    assert job == repository.jobs.get(job.id)
    assert (job.state, job.folder, job.tags, job.progress) == (
        "queued",
        "/home/jobs/1",
        ("x", "y"),
        Progress(),
    )
    assert (job.request["config"]["zoom"], job.estimate, job.auto_resume) == (
        [0.8, 1.2],
        {"elapsed_s": 4.5},
        True,
    )
    assert (job.attempt, job.wanted, job.result, job.error, job.started_at) == (0, None, None, None, None)
    assert [event.event for event in repository.jobs.events(job.id)] == ["queued"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [3, 2, 1]),
        ({"order": "oldest"}, [1, 2, 3]),
        ({"order": "queue"}, [1, 2, 3]),
        ({"order": "label"}, [3, 1, 2]),
        ({"order": "longest"}, [3, 2, 1]),
        ({"kinds": ["import"]}, [2]),
        ({"states": ["queued"], "kinds": ["generate"]}, [3, 1]),
        ({"states": ["failed"]}, []),
        ({"text": "BANANA"}, [2]),
        ({"text": "tagged"}, [3]),
        ({"text": "100%"}, [1]),
        ({"text": "_"}, []),
        ({"limit": 1, "offset": 1}, [2]),
    ],
)
def test_jobs_are_found(repository: Repository, wanted: dict, found: list[int]) -> None:
    add(repository, label="Apple", notes="100% sure")
    add(repository, label="banana", kind="import")
    add(repository, label="aardvark", tags=["tagged"])
    listed = repository.jobs.find(**wanted)
    assert sorted(job.id for job in listed) == sorted(found)
    if wanted.get("order") != "longest":  # nothing has begun: no order
        assert [job.id for job in listed] == found
    unlimited = {name: value for name, value in wanted.items() if name in ("states", "kinds", "text")}
    assert repository.jobs.count(**unlimited) == len(repository.jobs.find(**unlimited))


def test_a_job_that_runs_is_ordered_by_how_long_it_has_run(repository: Repository) -> None:
    now = time.time()
    ended, begun, waiting = add(repository), add(repository), add(repository)
    update = "UPDATE jobs SET started_at = ?, finished_at = ? WHERE id = ?"
    repository.connection.sqlite.execute(update, (now - 90, now - 60, ended.id))
    repository.connection.sqlite.execute(update, (now - 60, None, begun.id))
    found = repository.jobs.find(order="longest")
    assert [job.id for job in found] == [begun.id, ended.id, waiting.id]


def test_labels_are_those_of_the_newest_jobs(repository: Repository) -> None:
    assert repository.jobs.labels() == {}
    first, second = add(repository, label="first"), add(repository, label="second", kind="import")
    assert list(repository.jobs.labels().items()) == [(second.id, "second"), (first.id, "first")]
    assert repository.jobs.labels(limit=1) == {second.id: "second"}
    assert repository.jobs.labels(kinds=["generate"], states=["queued"]) == {first.id: "first"}
    assert repository.jobs.labels(states=["succeeded"]) == {}


def test_what_does_not_decide_the_result_can_be_edited(repository: Repository) -> None:
    job = add(repository)
    edited = repository.jobs.edit(job.id, label="b", tags=["t"], estimate={"elapsed_s": 1})
    assert (edited.label, edited.tags, edited.estimate) == ("b", ("t",), {"elapsed_s": 1})
    with pytest.raises(ValueError, match="got \\['request'\\]"):
        repository.jobs.edit(job.id, request={})


def test_a_running_job_is_not_deleted(repository: Repository) -> None:
    job = add(repository)
    repository.queue.claim("w", "cpu")
    assert repository.jobs.count_by_state() == {"running": 1}
    with pytest.raises(
        JobError, match="expected a job that is not running, got a running one; cancel it first"
    ):
        repository.jobs.delete(job.id)
    repository.queue.release(["w"], "gone")
    assert repository.jobs.delete(job.id).label == "a"
    assert repository.jobs.events(job.id) == []
    assert add(repository).id == job.id + 1  # a number is never used again


def test_who_waits_for_a_deleted_job_that_succeeded_may_begin(repository: Repository) -> None:
    first = add(repository)
    second = add(repository, waits_for=first.id)
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    repository.queue.finish(job, "succeeded")
    repository.jobs.delete(first.id)
    assert repository.jobs.get(second.id).waits_for is None
    claimed = repository.queue.claim("w", "cpu")
    assert claimed is not None
    assert claimed.id == second.id


def test_it_is_known_who_waits_for_a_job(repository: Repository) -> None:
    first = add(repository)
    assert repository.jobs.waiting_for(first.id) == []
    waiting = [add(repository, waits_for=first.id) for _ in range(2)]
    add(repository)
    assert repository.jobs.waiting_for(first.id) == waiting
