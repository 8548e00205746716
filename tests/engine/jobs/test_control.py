# SPDX-License-Identifier: AGPL-3.0-only
"""Real workers under control: cancel, pause, resume, stop, many at once, submitters that die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.workers import alive_workers
from engine.runs.commands import generate
from engine.runs.paths import job_folder
from engine.store.repository import Repository
from tests.engine.jobs.processes import ROOT, kill, start_worker, until, wait_for, worker

Settings = Callable[..., RunConfig]

JOBS, KILL_EVERY = 24, 3


def optimising(repository: Repository, job_id: int, *, attempt: int, at_least: int = 0) -> bool:
    """Whether this attempt of the job is at its steps, and has made so many."""
    job = repository.jobs.get(job_id)
    assert job.state in ("queued", "running"), job.error
    now = (job.attempt, job.progress.phase) == (attempt, "optimising")
    return now and job.progress.done >= at_least


@pytest.mark.slow
def test_pause_resume_stop_and_cancel(own_home: Path, repository: Repository, settings: Settings) -> None:
    """One job through all of it (loading torch anew costs seconds): the patch is that of an unbroken run."""
    config = settings(iterations=150, checkpoint_every=10_000)
    generate(config, own_home / "unbroken", evaluate_after=False)
    job_id = queue.submit(repository, "generate", GenerateRequest(config=config, evaluate_after=False)).id
    with worker(own_home) as first:
        until(lambda: optimising(repository, job_id, attempt=1), 90, repository, job_id)
        assert queue.pause(repository, job_id).wanted == "pause"
        paused = wait_for(repository, job_id, "paused", "succeeded")
        assert (paused.state, paused.error) == ("paused", None)
        queue.resume(repository, job_id)
        until(lambda: optimising(repository, job_id, attempt=2), 90, repository, job_id)
        first.terminate()
        stopped = wait_for(repository, job_id, "interrupted", "succeeded")
        assert (stopped.state, first.wait(30)) == ("interrupted", 0)
        assert "stopped together with its worker" in str(stopped.error)
        assert alive_workers(repository) == []
    twin = queue.duplicate(repository, job_id, iterations=100_000)
    queue.resume(repository, job_id)
    with worker(own_home):
        wait_for(repository, job_id, "succeeded", "failed")
        made = (job_folder(job_id) / "patch.npy").read_bytes()
        assert made == (own_home / "unbroken" / "patch.npy").read_bytes()
        assert [each.step for each in repository.steps.read(job_id, at_most=10**6)] == list(range(1, 451))
        assert [each.job_id for each in repository.patches.find()] == [job_id]
        until(lambda: optimising(repository, twin.id, attempt=1, at_least=50), 90, repository, twin.id)
        queue.cancel(repository, twin.id)
        wait_for(repository, twin.id, "cancelled")
        until(lambda: repository.patches.count() == 2)
    last = np.load(job_folder(twin.id) / "patch.npy")
    assert (last.shape, last.dtype) == ((3, 16, 16), np.float32)
    assert len(np.unique(last)) > 10
    (kept,) = [each for each in repository.patches.find() if each.job_id == twin.id]
    assert np.array_equal(np.load(kept.path), last)
    assert not [path for path in job_folder(twin.id).iterdir() if path.name.startswith((".", "live"))]


@pytest.mark.slow
def test_many_jobs_and_three_workers_that_die_now_and_then(
    own_home: Path, repository: Repository, blocks: Path
) -> None:
    """Half of the time the three have devices of their own, then they share one."""
    for number in range(JOBS):
        queue.submit(
            repository, "import", ImportRequest(source=str(blocks), name=f"set-{number}"), auto_resume=True
        )
    devices = ["cpu:0", "cpu:1", "cpu:2"]
    workers = [start_worker(own_home, device) for device in devices]
    kills = 0
    while (done := repository.jobs.count(states=["succeeded"])) < JOBS:
        assert repository.jobs.count(states=["failed", "cancelled", "interrupted"]) == 0
        if done >= JOBS // 2 and devices[0] != devices[1]:
            devices[1] = devices[2] = devices[0]
            for each in workers[1:]:
                each.terminate()
        if done >= KILL_EVERY * (kills + 1):
            workers[kills % 3].kill()
            kills += 1
        for number, each in enumerate(workers):
            if each.poll() is not None:
                workers[number] = start_worker(own_home, devices[number])
        time.sleep(0.1)
    for each in workers:
        each.terminate()
    assert [each.wait(20) for each in workers] == [0, 0, 0]
    assert kills >= 6
    jobs = repository.jobs.find(limit=JOBS)
    assert {job.result["dataset"] for job in jobs if job.result} == {f"set-{n}" for n in range(JOBS)}
    for job in jobs:
        events = Counter(event.event for event in repository.jobs.events(job.id))
        assert events["succeeded"] == 1
        assert events["started"] == job.attempt == events["queued"]
    assert sum(job.attempt for job in jobs) <= JOBS + kills + 2  # a kill costs at most the job under way
    assert len(repository.datasets.all()) == JOBS


@pytest.mark.slow
def test_a_job_outlives_whoever_submitted_it_and_started_the_worker(
    own_home: Path, repository: Repository, settings: Settings
) -> None:
    own_home.mkdir(exist_ok=True)
    config = settings(iterations=40)
    (own_home / "config.json").write_text(json.dumps(config.to_json()))
    program = (
        "import json, os, sys, time\n"
        "from engine.config import RunConfig\n"
        "from engine.jobs import queue\n"
        "from engine.jobs.kinds.generate import GenerateRequest\n"
        "from engine.store.repository import Repository\n"
        "with Repository() as repository:\n"
        "    config = RunConfig.from_json(json.load(open(sys.argv[1])))\n"
        "    request = GenerateRequest(config=config, evaluate_after=False)\n"
        "    print(queue.submit(repository, 'generate', request).id, flush=True)\n"
        "    queue.ensure_worker(repository)\n"
        "    queue.ensure_worker(repository)\n"
        "    print('started', flush=True)\n"
        "    time.sleep(600)\n"
    )
    submitter = subprocess.Popen(
        [sys.executable, "-c", program, str(own_home / "config.json")],
        cwd=ROOT,
        env={**os.environ, "PATCHBENCH_HOME": str(own_home)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert submitter.stdout is not None
    job_id = int(submitter.stdout.readline())
    assert submitter.stdout.readline() == "started\n"
    (working,) = alive_workers(repository)
    os.killpg(submitter.pid, 9)
    submitter.wait()
    submitter.stdout.close()
    try:
        wait_for(repository, job_id, "succeeded", "failed", "interrupted")
        assert repository.jobs.get(job_id).state == "succeeded"
        assert psutil.Process(working.pid).terminal() is None
    finally:
        kill([psutil.Process(working.pid)])
    until(lambda: not alive_workers(repository))
