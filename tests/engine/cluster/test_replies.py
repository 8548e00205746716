# SPDX-License-Identifier: AGPL-3.0-only
"""The head answers what a job may ask, sends it what its request names, and stores what still counts."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.replies import Replies, on_device
from engine.errors import DatasetError, StorageError
from engine.jobs import queue
from engine.jobs.kinds import KINDS
from engine.records import Job, Progress
from engine.runs.imports import import_dataset
from engine.store.repository import Repository
from tests.engine.cluster.ticking import TICK, TickRequest


class FakeSender:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], bool]] = []

    def send(self, paths: Iterable[str], *, hashed: bool) -> dict[str, str]:
        self.sent.append((list(paths), hashed))
        return {each: f"/copies{each}" for each in self.sent[-1][0]}


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as opened, KINDS.having(TICK):
        yield opened


@pytest.fixture
def job(repository: Repository) -> Job:
    request = TickRequest(file="/data/one.txt", dataset="segmenter:weights=/nets/a.safetensors")
    queue.submit(repository, "tick", request)
    job = repository.queue.claim("w", "ray:1", job_id=1)
    assert job is not None
    return on_device(job, "cpu", "n1", "")


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def replies(repository: Repository, job: Job, sender: Any) -> Replies:
    return Replies(repository, job, sender, "/node/work")


def ask(replies: Replies, name: str, *values: Any, **named: Any) -> Any:
    state, value = pickle.loads(replies.to(pickle.dumps((name, values, named))))
    return value if state == "value" else (state, value)


def test_the_job_is_told_with_its_device(replies: Replies, own_home: Path) -> None:
    job, home = ask(replies, "job")
    assert (job.running_on, job.node, job.node_device, home) == ("cpu", "n1", "cpu", str(own_home))
    assert on_device(job, "cuda:0", "n1", "3").node_device == "cuda:3"


def test_reports_are_stored_with_the_heads_paths(
    replies: Replies, repository: Repository, own_home: Path
) -> None:
    ask(replies, "report", "report", Progress(phase="ticking"), steps=[], forget_after=None)
    assert repository.jobs.get(1).progress.phase == "ticking"
    assert ask(replies, "report", "last_step") == 0
    result = {"value": 1, "paths": ["/node/work/jobs/1/a.npy"]}
    ask(replies, "report", "succeed", result)
    done = repository.jobs.get(1)
    assert (done.state, done.result) == ("succeeded", {"value": 1, "paths": [f"{own_home}/jobs/1/a.npy"]})


def test_an_attempt_that_no_longer_counts_is_told_so(replies: Replies, repository: Repository) -> None:
    repository.queue.release(["w"], "gone")
    assert ask(replies, "report", "report", Progress()) == ("lost", None)


def test_parts_of_the_database_can_be_asked(replies: Replies) -> None:
    assert ask(replies, "stored", "patches", "find") == []
    for part, method in (("queue", "claim"), ("jobs", "delete"), ("patches", "_db")):
        state, error = ask(replies, "stored", part, method)
        assert state == "error"
        assert str(error) == f"head: expected a call that nodes are allowed to make, got {part}.{method}"


def test_errors_travel(replies: Replies) -> None:
    state, error = ask(replies, "dataset", "/data/one.txt")  # that is not there
    assert (state, type(error)) == ("error", DatasetError)
    state, error = ask(replies, "dataset", "/etc")
    assert str(error) == "head: expected a dataset named in the job's request, got '/etc'"
    state, error = ask(replies, "stored", "patches", "get", 1, 2, 3)
    assert (state, type(error)) == ("error", StorageError)
    assert str(error).endswith("this is a bug, report it with the worker's log")


def test_only_what_the_request_names_is_sent(
    replies: Replies, repository: Repository, sender: FakeSender, own_home: Path, blocks: Path
) -> None:
    wanted = [
        "/data/one.txt",
        "/nets/a.safetensors",
        f"{own_home}/patches/p/patch.npy",
        f"{own_home}/weights/w.pt",
    ]
    refused = ["/data/two.txt", "/etc/passwd", f"{own_home}/patchbench.db", f"{own_home}/jobs/../key"]
    assert set(ask(replies, "files", wanted + refused)) == set(wanted)
    import_dataset(repository.datasets.save, blocks, name="b")
    dataset = ask(replies, "dataset", "b")
    images = [image.path for image in dataset.images]
    assert len(ask(replies, "files", images)) == len(images) > 0
    assert sender.sent[-2:] == [(images, False), ([], True)]  # dated only: a checksum would read them all
