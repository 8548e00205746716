# SPDX-License-Identifier: AGPL-3.0-only
"""What jobs on a Ray cluster survive and cost: `python -m tests.measure.ray_cluster kills|many|overhead`.

Ray's own cluster of several nodes on this machine, as its tests start it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import click

from engine.cli.output import print_table
from engine.cluster.ray_cluster import RayCluster
from engine.cluster.worker import ClusterWorker
from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.worker import Worker
from engine.records import Job
from engine.store.repository import Repository

LOOK_S = 0.1
SMALL = {"dataset": "demo", "weights": "demo", "device": "cpu", "image_size": 160, "view_size": 0}


@contextmanager
def cluster_of(nodes: int) -> Iterator[tuple[RayCluster, Path]]:
    """A cluster of nodes of one processor each, and the folder in which they keep what they were sent."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMP_NUM_THREADS"] = "1"  # the local worker's jobs have no more than those on a node
        os.environ["PATCHBENCH_HOME"], os.environ["PATCHBENCH_NODE_HOME"] = f"{folder}/home", f"{folder}/node"
        each = {"num_cpus": 1, "object_store_memory": 200 * 2**20}
        started = Cluster(initialize_head=True, head_node_args=each | {"include_dashboard": False})
        for _ in range(nodes - 1):
            started.add_node(**each)
        joined = RayCluster(started.address)
        try:
            yield joined, Path(folder, "node")
        finally:
            joined.close()
            started.shutdown()


def work(cluster: RayCluster, beside: Callable[[Repository], None] = lambda repository: None) -> None:
    """Work until the queue is empty, and do something in another thread meanwhile."""

    def in_thread() -> None:
        with Repository() as repository:
            beside(repository)

    thread = threading.Thread(target=in_thread)
    thread.start()
    with Repository() as repository:
        ClusterWorker(repository, cluster).run(until_idle=True)
    thread.join()


def submit(*, auto_resume: bool = False, **settings: object) -> Job:
    """Queue a small run on the demo that is not scored."""
    request = GenerateRequest(config=RunConfig(**SMALL | settings), evaluate_after=False)  # type: ignore[arg-type]
    with Repository() as repository:
        return queue.submit(repository, "generate", request, auto_resume=auto_resume, needs={"cpus": 1})


def result_of(job: Job) -> tuple[Job, str]:
    """The job as it ended, and the checksum of its patch."""
    with Repository() as repository:
        ended = repository.jobs.get(job.id)
    patch = queue.job_folder(job.id) / "patch.npy"
    return ended, hashlib.sha256(patch.read_bytes()).hexdigest() if patch.exists() else "no patch"


@click.group()
def main() -> None:
    """Measure jobs on a cluster."""


@main.command()
@click.option("--kills", default=20, help="How often the job's actor is killed.")
@click.option("--iterations", default=60, help="Of the run; each keeps a checkpoint.")
@click.option("--images", default=12, help="Of the demo.")
def kills(kills: int, iterations: int, images: int) -> None:
    """Kill the actor of one run again and again, and compare its patch with that of a run left alone."""
    with cluster_of(2) as (cluster, node_home):
        settings = {"iterations": iterations, "checkpoint_every": 1, "max_images": images}
        left_alone = submit(**settings)
        work(cluster)
        killed = submit(auto_resume=True, **settings)
        work(cluster, lambda repository: _kill(repository, killed, node_home, kills))
        (_, expected), (ended, got) = result_of(left_alone), result_of(killed)
        click.echo(
            f"{ended.state} after {ended.attempt} attempts; same patch: {got == expected} ({got[:12]})"
        )


def _kill(repository: Repository, job: Job, node_home: Path, times: int) -> None:
    """Kill the actor once each of its attempts has sent a checkpoint of its own."""
    checkpoint = queue.job_folder(job.id) / "checkpoint.pt"
    for number in range(times):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
            if repository.jobs.get(job.id).finished_at:
                click.echo(f"ended after {number} kills; give it more --iterations")
                return
            time.sleep(LOOK_S)
        for work_folder in (node_home / "work").glob(f"*/jobs/{job.id}"):
            with suppress(ProcessLookupError):  # killed before
                os.kill(int(work_folder.parents[1].name.partition("-")[0]), signal.SIGKILL)


@main.command()
@click.option("--jobs", "count", default=60, help="How many.")
@click.option("--nodes", default=3, help="Of one processor each.")
def many(count: int, nodes: int) -> None:
    """Run many short jobs on several nodes, each exactly once."""
    with cluster_of(nodes) as (cluster, _):
        jobs = [submit(iterations=1, max_images=2, seed=seed) for seed in range(count)]
        began = time.monotonic()
        work(cluster)
        took_s = time.monotonic() - began
        with Repository() as repository:
            ended = [repository.jobs.get(job.id) for job in jobs]
            starts = Counter(
                sum(event.event == "started" for event in repository.jobs.events(job.id)) for job in jobs
            )
        click.echo(f"states {dict(Counter(job.state for job in ended))}, starts of a job {dict(starts)}")
        click.echo(f"{took_s:.0f} s, {60 * count / took_s:.1f} jobs a minute")


@main.command()
@click.option("--seconds", default=60.0, help="What each run computes.")
@click.option("--rounds", default=3, help="Runs by each worker, in turn.")
def overhead(seconds: float, rounds: int) -> None:
    """Compare a job's time, from its claim to its end, by the local worker and on a node."""
    with cluster_of(1) as (cluster, _):
        taken: dict[str, list[float]] = {"local": [], "cluster": []}
        steps: dict[str, list[float]] = {"local": [], "cluster": []}
        submit(iterations=1, max_images=2)  # what is made once is not counted: demo, code, caches of files
        work(cluster)
        for _ in range(rounds):
            for name, times in taken.items():
                job = submit(iterations=1_000_000, time_limit_s=seconds, max_images=12)
                if name == "cluster":
                    work(cluster)
                else:
                    with Repository() as repository:
                        Worker(repository, "cpu").run(until_idle=True)
                ended, _patch = result_of(job)
                assert ended.finished_at is not None
                assert ended.started_at is not None
                times.append(ended.finished_at - ended.started_at)
                steps[name].append((ended.result or {})["image_iterations_per_s"])
        middle = {name: median(times) for name, times in taken.items()}
        rows = [[name, f"{middle[name]:.2f}", f"{median(steps[name]):.2f}"] for name in taken]
        print_table(["worker", "seconds", "images/s"], rows)
        click.echo(f"a node takes {100 * (middle['cluster'] / middle['local'] - 1):+.1f}%")


if __name__ == "__main__":
    main()
