# SPDX-License-Identifier: AGPL-3.0-only
"""A child process is started for a job, waited for, stopped and killed."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.jobs import queue
from engine.jobs.child import LOST
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.launcher import ChildProcess, start_child
from engine.runs.paths import lock_path, log_path
from engine.store.repository import Repository


def test_a_child_carries_out_the_job_and_writes_its_log(blocks: Path) -> None:
    with Repository() as repository:
        queue.submit(repository, "import", ImportRequest(source=str(blocks)))
        job = repository.queue.claim("w", "cpu")
        assert job is not None
        lock_path(job.id).parent.mkdir(parents=True)
        with open(lock_path(job.id), "ab") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            child = start_child(job)
            assert child.poll(0.05) is None
        assert child.poll(60) == 0
        assert repository.jobs.get(job.id).state == "succeeded"
        assert "Succeeded" in log_path(job.id).read_text()
        assert start_child(job).poll(60) == LOST


@pytest.mark.parametrize(("end", "number"), [("stop", signal.SIGTERM), ("kill", signal.SIGKILL)])
def test_a_child_is_ended(end: str, number: int) -> None:
    child = ChildProcess(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
    assert child.poll(0.01) is None
    getattr(child, end)()
    assert child.poll(20) == -number
