# SPDX-License-Identifier: AGPL-3.0-only
"""How a worker has a job carried out: a port, and child processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Protocol

from engine.config import home_folder
from engine.records import Job
from engine.runs.paths import log_path
from engine.runs.version import ROOT


class Launched(Protocol):
    """A job that is being carried out."""

    def poll(self, within_s: float) -> int | None:
        """The exit code, negative for a signal; None if it has not ended within some seconds."""

    def stop(self) -> None:
        """Ask it to stop where it can go on from."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts to carry out a job as it was claimed; raises OSError if that cannot be."""

    def __call__(self, job: Job) -> Launched:
        """Start."""


class ChildProcess:
    """A job in a process of its own, which ends with the worker's."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.stop, self.kill = process.terminate, process.kill

    def poll(self, within_s: float) -> int | None:
        """The exit code; waits for it a little."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None


def start_child(job: Job) -> ChildProcess:
    """Start `engine.jobs.child` for a job; what it says goes into the job's log.

    Raises:
        OSError: the process or its log cannot be made.
    """
    path = log_path(job.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = [
        *(sys.executable, "-m", "engine.jobs.child", "--job", str(job.id)),
        *("--attempt", str(job.attempt), "--worker-pid", str(os.getpid())),
    ]
    with open(path, "ab") as file:
        # The pipe that is its standard input closes when this process dies, in whatever way.
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env={**os.environ, "PATCHBENCH_HOME": str(home_folder()), "PYTHONUNBUFFERED": "1"},
        )
    return ChildProcess(process)
