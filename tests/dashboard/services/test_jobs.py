# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs as the page lists and steers them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.services import jobs
from engine.errors import JobError
from engine.jobs import queue
from engine.records import Job
from engine.store.repository import Repository
from tests.dashboard.homes import add_running
from tests.engine.store.factories import make_job


@pytest.fixture
def repository() -> Iterator[Repository]:
    for each in (jobs.find, jobs.now, jobs.view, jobs.steps):
        each.clear()
    with Repository() as opened:
        yield opened


def add(repository: Repository, **how: object) -> Job:
    return repository.jobs.add(**({"kind": "import", "label": "a", "request": {"source": "demo"}} | how))


def waiting(repository: Repository) -> list[int]:
    return [job.id for job in repository.jobs.find(states=["queued"], order="queue")]


def test_an_empty_queue_has_one_page_and_nothing_on_it(repository: Repository) -> None:
    found = jobs.find(1)
    assert (found.rows, found.total, found.pages) == ([], 0, 1)
    assert jobs.now() == ([], [], 0)
    assert jobs.steps(1) == []
    assert jobs.live_image(1) is None
    assert (jobs.log_lines(1), jobs.log_bytes(1)) == ([], b"")
    with pytest.raises(JobError, match="job 1: expected an existing job"):
        jobs.view(1)


def test_many_jobs_come_page_by_page(repository: Repository) -> None:
    ids = [add(repository).id for _ in range(jobs.PAGE_SIZE + 1)]
    first, second = (jobs.find(page, order="oldest") for page in (1, 2))
    assert first.pages == 2
    assert [job.id for job in first.rows + second.rows] == ids


def test_a_look_at_a_job_tells_who_waits_on_what(repository: Repository) -> None:
    first = add(repository)
    second = add(repository, waits_for=first.id, origin=first.id)
    seen = jobs.view(first.id)
    assert [job.id for job in seen.waiting] == [second.id]
    assert (seen.first, seen.origin, seen.ahead, seen.patch, seen.served) == (None, None, [], None, False)
    seen = jobs.view(second.id)
    assert (seen.first, seen.origin, seen.ahead) == (first, first, [first])


@pytest.mark.parametrize(
    ("state", "wanted", "allowed"),
    [
        ("queued", None, ("pause", "cancel")),
        ("running", None, ("pause", "cancel")),
        ("running", "pause", ("cancel",)),
        ("running", "cancel", ("pause",)),
        ("paused", None, ("resume", "cancel", "retry")),
        ("interrupted", None, ("resume", "cancel", "retry")),
        ("succeeded", None, ("retry",)),
        ("failed", None, ("retry",)),
        ("cancelled", None, ("retry",)),
    ],
)
def test_what_can_be_asked_goes_with_the_state(
    state: str, wanted: str | None, allowed: tuple[str, ...]
) -> None:
    assert jobs.allowed_actions(make_job(state=state, wanted=wanted)) == allowed


def test_a_job_is_paused_resumed_cancelled_and_retried(
    repository: Repository, no_worker_is_started: list[str]
) -> None:
    job = add(repository)
    assert jobs.act("pause", job.id).state == "paused"
    assert no_worker_is_started == []
    assert jobs.act("resume", job.id).state == "queued"
    assert no_worker_is_started == ["worker"]
    assert jobs.view(job.id).job.state == "queued"
    assert jobs.act("cancel", job.id).state == "cancelled"
    assert jobs.view(job.id).job.state == "cancelled"
    again = jobs.act("retry", job.id)
    assert (again.id, again.origin, again.state) == (job.id + 1, job.id, "queued")
    with pytest.raises(JobError, match="got cancelled"):
        jobs.act("pause", job.id)


def test_a_running_job_is_asked_to_end(repository: Repository) -> None:
    job = add_running(repository)
    assert jobs.act("cancel", job.id).wanted == "cancel"


def test_waiting_jobs_change_their_turn(repository: Repository) -> None:
    a, b, c = (add(repository).id for _ in range(3))
    jobs.move(c, "up")
    assert waiting(repository) == [a, c, b]
    jobs.move(b, "front")
    assert waiting(repository) == [b, a, c]
    jobs.move(b, "end")
    assert waiting(repository) == [a, c, b]
    jobs.move(a, "up")
    assert waiting(repository) == [a, c, b]
    jobs.set_priority(b, 5)
    assert waiting(repository) == [b, a, c]


def test_names_notes_and_tags_are_kept(repository: Repository) -> None:
    job = add(repository)
    jobs.edit(job.id, label=" b ", notes="n ", tags=["x", "y"])
    seen = jobs.view(job.id).job
    assert (seen.label, seen.notes, seen.tags) == ("b", "n", ("x", "y"))


def test_a_deleted_job_is_gone_with_its_log(repository: Repository) -> None:
    job = add(repository)
    queue.log_path(job.id).parent.mkdir(parents=True)
    queue.log_path(job.id).write_text("one\ntwo\n")
    assert jobs.log_lines(job.id) == ["one", "two"]
    assert jobs.log_lines(job.id, "TW") == ["two"]
    assert jobs.log_bytes(job.id) == b"one\ntwo\n"
    jobs.delete(job.id)
    assert jobs.find(1).total == 0
    assert jobs.log_bytes(job.id) == b""
