# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs on nodes: done, stopped, gone on with elsewhere; without Ray, but in real processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.cluster.worker import ClusterWorker
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.records import Job
from engine.store.repository import Repository
from tests.engine.cluster.clusters import FakeCluster, a_node, knowing_tick
from tests.engine.cluster.ticking import TickRequest

EXPECTED = 1
for number in range(40):
    EXPECTED = (EXPECTED * 31 + number) % 1_000_003


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[None]:
    with knowing_tick(tmp_path / "node"):
        yield


def works(cluster: FakeCluster, while_working: Callable[[Repository, ClusterWorker], None]) -> None:
    """Let a worker work until it is idle, and do something in another thread meanwhile."""
    failed: list[BaseException] = []

    with Repository() as own:
        worker = ClusterWorker(own, cluster)

        def beside() -> None:
            try:
                with Repository() as another:
                    while_working(another, worker)
            except BaseException as error:
                failed.append(error)
                worker.stop()

        thread = threading.Thread(target=beside)
        thread.start()
        worker.run(until_idle=True)
        thread.join()
    assert not failed


def once(repository: Repository, job_id: int, true: Callable[[Job], bool]) -> Job:
    until = time.monotonic() + 120
    while not true(job := repository.jobs.get(job_id)):
        assert time.monotonic() < until, job
        time.sleep(0.05)
    return job


def ticking(job: Job) -> bool:
    """Whether the head has a checkpoint of it by now."""
    return job.state == "running" and (queue.job_folder(job.id) / "checkpoint.json").is_file()


def test_a_cluster_without_work_or_nodes(repository: Repository) -> None:
    works(FakeCluster(a_node()), lambda another, worker: None)
    queue.submit(repository, "tick", TickRequest())

    def then_stop(another: Repository, worker: ClusterWorker) -> None:
        worker.stop()

    works(FakeCluster(), then_stop)
    assert repository.jobs.get(1).state == "queued"


def test_jobs_are_done_on_nodes(repository: Repository, blocks: Path, own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("read on a node")
    queue.submit(repository, "import", ImportRequest(source=str(blocks), name="b"))  # on the head
    good = queue.submit(
        repository,
        "tick",
        TickRequest(ticks=40, dataset="b", file=str(tmp_path / "file.txt")),
        waits_for=1,
        needs={"cpus": 1},
    )
    bad = queue.submit(repository, "tick", TickRequest(ticks=1, fails=True))
    cluster = FakeCluster(a_node("n1"), a_node("n2"))
    works(cluster, lambda another, worker: None)
    assert repository.jobs.get(1).state == "succeeded"
    done = repository.jobs.get(good.id)
    assert (done.state, done.error, done.node_device) == ("succeeded", None, "cpu")
    assert done.result is not None
    assert (done.result["value"], done.result["began"]) == (EXPECTED, 0)
    assert done.result["folder"] == str(own_home / "jobs" / str(good.id))
    assert (done.result["elsewhere"], done.result["text"]) == (True, "read on a node")
    assert done.result["bytes"] == sum(path.stat().st_size for path in blocks.rglob("*.png"))
    note = own_home / "jobs" / str(good.id) / "note.json"
    assert note.read_text() == f'{{"folder": "{own_home}/jobs/{good.id}"}}'
    assert any(line.startswith("home ") for line in queue.read_log_tail(good.id))
    failed = repository.jobs.get(bad.id)
    assert (failed.state, failed.error) == (
        "failed",
        "tick: expected to succeed, got no chance; ask for another",
    )
    assert {name for name, _ in cluster.shares} == {"n1", "n2"}
    assert repository.nodes.all() == []  # they went with their worker


def test_pause_resume_and_cancel(repository: Repository) -> None:
    slow = queue.submit(repository, "tick", TickRequest(ticks=40, pause_s=0.1))
    doomed = queue.submit(repository, "tick", TickRequest(ticks=1000, pause_s=0.1))

    def interfere(another: Repository, worker: ClusterWorker) -> None:
        once(another, slow.id, ticking)
        queue.pause(another, slow.id)
        once(another, slow.id, lambda job: job.state == "paused")
        queue.resume(another, slow.id)
        once(another, doomed.id, ticking)
        queue.cancel(another, doomed.id)

    works(FakeCluster(a_node("n1"), a_node("n2")), interfere)
    done = repository.jobs.get(slow.id)
    assert (done.state, done.attempt) == ("succeeded", 2)
    assert done.result is not None
    assert done.result["value"] == EXPECTED
    assert done.result["began"] > 0
    assert repository.jobs.get(doomed.id).state == "cancelled"


def test_a_job_goes_on_elsewhere_when_its_node_is_gone(repository: Repository) -> None:
    going = queue.submit(repository, "tick", TickRequest(ticks=40, pause_s=0.1), auto_resume=True)
    cluster = FakeCluster(a_node("n1"), a_node("n2"))

    def destroy(another: Repository, worker: ClusterWorker) -> None:
        job = once(another, going.id, ticking)
        cluster.there = [node for node in cluster.there if node.name != job.node]
        cluster.posts[0].end()

    works(cluster, destroy)
    done = repository.jobs.get(going.id)
    assert (done.state, done.attempt) == ("succeeded", 2)
    assert done.result is not None
    assert (done.result["value"], done.result["began"] > 0) == (EXPECTED, True)
    assert [name for name, _ in cluster.shares] == ["n1", "n2"]


def test_without_auto_resume_it_is_interrupted(repository: Repository) -> None:
    job = queue.submit(repository, "tick", TickRequest(ticks=1000, pause_s=0.1))
    cluster = FakeCluster(a_node())

    def destroy(another: Repository, worker: ClusterWorker) -> None:
        once(another, job.id, ticking)
        cluster.posts[0].end()

    works(cluster, destroy)
    now = repository.jobs.get(job.id)
    assert now.state == "interrupted"
    assert str(now.error).startswith("its node was lost (")


def test_a_worker_that_stops_keeps_checkpoints(repository: Repository) -> None:
    job = queue.submit(repository, "tick", TickRequest(ticks=1000, pause_s=0.1))

    def stop(another: Repository, worker: ClusterWorker) -> None:
        once(another, job.id, lambda job: ticking(job) and any(node.jobs for node in another.nodes.all()))
        (told,) = another.nodes.all()
        assert (told.jobs, told.cpus_taken) == (1, 1)
        worker.stop()

    works(FakeCluster(a_node()), stop)
    now = repository.jobs.get(job.id)
    assert (now.state, now.error) == ("interrupted", "stopped together with its worker; resume it")
    assert (queue.job_folder(job.id) / "checkpoint.json").is_file()
