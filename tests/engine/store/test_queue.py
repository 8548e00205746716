# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs change their states as they should, whoever races for them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import JobError
from engine.records import Job, Progress
from engine.store.queue import FRUITLESS_LIMIT
from engine.store.repository import Repository
from tests.engine.store.factories import step


@pytest.fixture
def add(repository: Repository) -> Callable[..., Job]:
    def make(**changes: object) -> Job:
        return repository.jobs.add(**({"kind": "import", "label": "a job", "request": {}} | changes))

    return make


def state(repository: Repository, job: Job) -> str:
    return repository.jobs.get(job.id).state


def claimed(repository: Repository, device: str = "cpu") -> int | None:
    job = repository.queue.claim("w", device)
    return job.id if job else None


def test_an_empty_queue_has_nothing_to_claim(repository: Repository) -> None:
    assert repository.queue.claim("w", "cpu") is None
    assert repository.queue.holders() == set()


@pytest.mark.parametrize(
    ("asked_for", "device", "fits"),
    [
        ("auto", "cpu", True),
        ("auto", "cuda:1", True),
        ("cpu", "cpu", True),
        ("cpu", "cpu:3", True),
        ("cuda", "cuda:1", True),
        ("cuda:0", "cuda:1", False),
        ("cuda:0", "cpu", False),
        ("cpu", "cuda:0", False),
    ],
)
def test_a_job_runs_on_the_device_that_it_asks_for(
    repository: Repository, add: Callable[..., Job], asked_for: str, device: str, fits: bool
) -> None:
    add(device=asked_for)
    job = repository.queue.claim("w", device)
    assert (job is not None) is fits
    assert job is None or (job.state, job.worker, job.running_on, job.attempt) == ("running", "w", device, 1)


def test_the_order_is_priority_then_place(repository: Repository, add: Callable[..., Job]) -> None:
    jobs = [add(priority=priority) for priority in (0, 5, 0, 5)]
    order = []
    while (job := repository.queue.claim("w", "cpu")) is not None:
        order.append(job.id)
        repository.queue.finish(job, "succeeded")
    assert order == [jobs[1].id, jobs[3].id, jobs[0].id, jobs[2].id]


def test_one_job_runs_on_a_device_at_a_time(repository: Repository, add: Callable[..., Job]) -> None:
    first, second = add(), add()
    assert claimed(repository) == first.id
    assert claimed(repository) is None
    assert claimed(repository, "cpu:1") == second.id
    assert repository.queue.holders() == {"w"}


def test_a_clusters_worker_chooses_among_those_that_may_run(
    repository: Repository, add: Callable[..., Job]
) -> None:
    assert repository.queue.waiting(limit=9) == []
    jobs = [add(), add(device="cuda:1", priority=2), add(needs={"gpus": 0.5})]
    add(waits_for=jobs[0].id)
    assert [job.id for job in repository.queue.waiting(limit=9)] == [2, 1, 3]
    assert [job.needs for job in repository.queue.waiting(limit=1)] == [{}]
    claimed = repository.queue.claim("w", "ray:3", job_id=3, where="n1")
    assert claimed is not None
    assert (claimed.id, claimed.needs, claimed.running_on, claimed.node) == (3, {"gpus": 0.5}, "ray:3", None)
    assert repository.jobs.events(3)[-1].detail == "attempt 1 on n1"
    assert repository.queue.claim("w", "ray:3", job_id=3) is None
    repository.queue.placed(replace(claimed, node="n1", node_device="cuda:2"))
    repository.queue.placed(replace(claimed, attempt=9, node="n2", node_device="cpu"))  # of another attempt
    now = repository.jobs.get(3)
    assert (now.node, now.node_device) == ("n1", "cuda:2")
    repository.queue.finish(claimed, "queued")
    assert repository.queue.claim("w", "ray:1", job_id=1) is not None
    again = repository.queue.claim("local", "cpu")
    assert again is not None
    assert (again.id, again.node) == (3, None)


def test_a_job_begins_when_the_one_that_it_waits_for_has_succeeded(
    repository: Repository, add: Callable[..., Job]
) -> None:
    first = add()
    second = add(waits_for=first.id, priority=9)
    running = repository.queue.claim("w", "cpu")
    assert running is not None
    assert running.id == first.id
    assert claimed(repository, "cpu:1") is None
    repository.queue.finish(running, "succeeded")
    assert claimed(repository) == second.id


@pytest.mark.parametrize("end", ["failed", "cancelled", "deleted"])
def test_what_waits_for_a_lost_job_fails_and_so_on(
    repository: Repository, add: Callable[..., Job], end: str
) -> None:
    first = add()
    second = add(waits_for=first.id)
    third = add(waits_for=second.id)
    other = add()
    if end == "deleted":
        repository.jobs.delete(first.id)
    elif end == "cancelled":
        repository.queue.ask(first.id, "cancel")
    else:
        job = repository.queue.claim("w", "cpu")
        assert job is not None
        repository.queue.finish(job, "failed", error="broken")
    for each in (second, third):
        assert state(repository, each) == "failed"
        assert f"job {first.id}, which this one waits for" in str(repository.jobs.get(each.id).error)
    assert state(repository, other) == "queued"


@pytest.mark.parametrize("lost", ["failed", "cancelled", "none"])
def test_nothing_can_wait_for_what_will_not_come(
    repository: Repository, add: Callable[..., Job], lost: str
) -> None:
    first = add()
    if lost == "cancelled":
        repository.queue.ask(first.id, "cancel")
    elif lost == "failed":
        job = repository.queue.claim("w", "cpu")
        assert job is not None
        repository.queue.finish(job, "failed")
    with pytest.raises(JobError, match="expected a job that can still succeed, got"):
        add(waits_for=99 if lost == "none" else first.id)
    assert repository.jobs.count() == 1


def test_reports_count_only_from_the_attempt_that_runs(
    repository: Repository, add: Callable[..., Job]
) -> None:
    add()
    first = repository.queue.claim("w", "cpu")
    assert first is not None
    assert repository.queue.report(first, Progress(phase="p", done=1), steps=[step(1), step(2)])
    assert repository.jobs.get(first.id).progress.done == 1
    repository.queue.release(["w"], "gone")
    assert repository.queue.stop_request(first) == "gone"
    assert not repository.queue.report(first, Progress(done=2), steps=[step(3)])
    repository.queue.resume(first.id)
    second = repository.queue.claim("w", "cpu")
    assert second is not None
    assert second.progress == Progress()
    assert not repository.queue.report(first, Progress(done=2), steps=[step(3)], forget_after=0)
    assert not repository.queue.finish(first, "succeeded")
    assert [record.step for record in repository.steps.read(first.id)] == [1, 2]
    assert repository.queue.report(second, Progress(done=3), steps=[step(2, loss=9.0)], forget_after=1)
    assert [record.loss for record in repository.steps.read(first.id)] == [step(1).loss, 9.0]
    assert state(repository, second) == "running"


@pytest.mark.parametrize(
    ("ended", "wanted", "becomes", "finished"),
    [
        ("succeeded", None, "succeeded", True),
        ("succeeded", "cancel", "succeeded", True),
        ("failed", "pause", "failed", True),
        ("queued", None, "queued", False),
        ("queued", "cancel", "cancelled", True),
        ("interrupted", None, "interrupted", True),
        ("interrupted", "pause", "paused", True),
    ],
)
def test_how_an_attempt_ends(
    repository: Repository,
    add: Callable[..., Job],
    ended: str,
    wanted: str | None,
    becomes: str,
    finished: bool,
) -> None:
    add()
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    if wanted:
        assert repository.queue.ask(job.id, wanted).state == "running"
        assert repository.queue.stop_request(job) == wanted
    assert repository.queue.finish(job, ended, result={"a": 1}, error="why")
    now = repository.jobs.get(job.id)
    assert (now.state, now.worker, now.running_on, now.wanted) == (becomes, None, None, None)
    assert (now.finished_at is not None, now.result, now.error) == (finished, {"a": 1}, "why")
    assert repository.jobs.events(job.id)[-1].event == becomes
    assert not repository.queue.finish(job, "failed")


def test_what_does_not_run_changes_at_once(repository: Repository, add: Callable[..., Job]) -> None:
    job = add()
    assert repository.queue.ask(job.id, "pause").state == "paused"
    assert claimed(repository) is None
    assert repository.queue.resume(job.id).state == "queued"
    assert repository.queue.ask(job.id, "cancel").state == "cancelled"
    for act in (lambda: repository.queue.ask(job.id, "cancel"), lambda: repository.queue.resume(job.id)):
        with pytest.raises(JobError, match=f"job {job.id}: expected state .*, got cancelled"):
            act()
    with pytest.raises(JobError, match="job 99: expected an existing job"):
        repository.queue.ask(99, "cancel")


def test_a_cancel_is_not_undone_by_a_pause(repository: Repository, add: Callable[..., Job]) -> None:
    add()
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    repository.queue.ask(job.id, "pause")
    repository.queue.ask(job.id, "cancel")
    repository.queue.ask(job.id, "pause")
    assert repository.queue.stop_request(job) == "cancel"


@pytest.mark.parametrize(
    ("wanted", "auto_resume", "becomes"),
    [
        (None, False, "interrupted"),
        (None, True, "queued"),
        ("cancel", True, "cancelled"),
        ("pause", True, "paused"),
    ],
)
def test_jobs_of_workers_that_are_gone_are_released(
    repository: Repository, add: Callable[..., Job], wanted: str | None, auto_resume: bool, becomes: str
) -> None:
    add(auto_resume=auto_resume)
    job = repository.queue.claim("w", "cpu")
    assert job is not None
    if wanted:
        repository.queue.ask(job.id, wanted)
    assert repository.queue.release(["another"], "gone") == []
    (released,) = repository.queue.release(["w"], "gone")
    assert (released.state, released.error, released.worker) == (becomes, "gone", None)
    assert (released.finished_at is None) is (becomes == "queued")
    assert repository.queue.release(["w"], "gone") == []


def test_a_job_that_gets_no_further_is_not_queued_for_ever(
    repository: Repository, add: Callable[..., Job]
) -> None:
    add(auto_resume=True)
    for attempt in range(1, 2 * FRUITLESS_LIMIT + 1):
        job = repository.queue.claim("w", "cpu")
        assert job is not None
        if attempt <= FRUITLESS_LIMIT:
            repository.queue.progressed(job)
        assert repository.queue.may_go_on(job) is (attempt < 2 * FRUITLESS_LIMIT)
        (released,) = repository.queue.release(["w"], "gone")
    assert released.state == "interrupted"
    repository.queue.resume(job.id)
    again = repository.queue.claim("w", "cpu")
    assert again is not None
    assert repository.queue.may_go_on(again)


def test_a_waiting_job_can_be_moved(repository: Repository, add: Callable[..., Job]) -> None:
    jobs = [add().id for _ in range(4)]

    def order() -> list[int]:
        return [job.id for job in repository.jobs.find(states=["queued"], order="queue")]

    repository.queue.move(jobs[3], before=jobs[1])
    assert order() == [jobs[0], jobs[3], jobs[1], jobs[2]]
    repository.queue.move(jobs[2], before=jobs[0])
    assert order() == [jobs[2], jobs[0], jobs[3], jobs[1]]
    repository.queue.move(jobs[1], priority=1)
    assert order() == [jobs[1], jobs[2], jobs[0], jobs[3]]
    assert repository.queue.move(jobs[3], before=jobs[1]).priority == 1
    assert order() == [jobs[3], jobs[1], jobs[2], jobs[0]]


def test_moving_into_the_same_gap_never_runs_out_of_numbers(
    repository: Repository, add: Callable[..., Job]
) -> None:
    first, a, b = add().id, add().id, add().id
    for turn in range(200):
        repository.queue.move((a, b)[turn % 2], before=(b, a)[turn % 2])
    assert [job.id for job in repository.jobs.find(order="queue")] == [first, b, a]


@pytest.mark.parametrize("target", ["itself", "none", "running"])
def test_moving_before_what_does_not_wait_is_refused(
    repository: Repository, add: Callable[..., Job], target: str
) -> None:
    running, job = add(), add()
    assert claimed(repository) == running.id
    before = {"itself": job.id, "none": 99, "running": running.id}[target]
    with pytest.raises(JobError, match=f"job {before}: expected another waiting job"):
        repository.queue.move(job.id, before=before)
    with pytest.raises(JobError, match=f"job {running.id}: expected state queued or paused to move"):
        repository.queue.move(running.id, priority=3)


def test_many_that_claim_at_once_share_the_jobs(tmp_path: Path) -> None:
    path, taken, failures = tmp_path / "a.db", [], []
    with Repository(path) as repository:
        for _ in range(40):
            repository.jobs.add(kind="import", label="", request={})

    def work(device: str) -> None:
        try:
            with Repository(path) as mine:
                while (job := mine.queue.claim(device, device)) is not None:
                    taken.append(job.id)
                    mine.queue.finish(job, "succeeded")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[f"cpu:{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Counter(taken) == Counter(range(1, 41))
