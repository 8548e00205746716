# SPDX-License-Identifier: AGPL-3.0-only
"""How a worker starts a job: the `Launcher` protocol, and its implementation by child processes."""

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
    """A running job."""

    def poll(self, within_s: float) -> int | None:
        """Wait up to `within_s` seconds for the exit code, negative for a signal; None if still running."""

    def stop(self) -> None:
        """Ask it to stop at a checkpoint."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts claimed jobs."""

    def __call__(self, job: Job) -> Launched:
        """Start a job; raises OSError if that fails."""


class ChildProcess:
    """A job in a child process, which ends with the worker's."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.stop, self.kill = process.terminate, process.kill

    def poll(self, within_s: float) -> int | None:
        """Wait for the exit code; None if the process is still running."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None


def start_child(job: Job) -> ChildProcess:
    """Start `engine.jobs.child` for a job, its output going to the job's log.

    Raises:
        OSError: the process or its log cannot be created.
    """
    path = log_path(job.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = [
        *(sys.executable, "-m", "engine.jobs.child", "--job", str(job.id)),
        *("--attempt", str(job.attempt), "--worker-pid", str(os.getpid())),
    ]
    with open(path, "ab") as file:
        # The child notices this process's death, of whatever cause, by the end of its standard input.
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env={**os.environ, "PATCHBENCH_HOME": str(home_folder()), "PYTHONUNBUFFERED": "1"},
        )
    return ChildProcess(process)
