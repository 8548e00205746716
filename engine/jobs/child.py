# SPDX-License-Identifier: AGPL-3.0-only
"""The child process in which a worker runs one claimed job; it ends with its worker."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from engine.disk import full_disk, is_full, why_unwritable
from engine.errors import EngineError, RunInterruptedError, StorageError
from engine.excerpts import short_line
from engine.jobs.kinds import kind_of
from engine.jobs.ledger import Ledger, StoredLedger
from engine.records import Job
from engine.runs.paths import job_folder, lock_path
from engine.store.repository import Repository
from engine.terminal import lenient_streams

# Exit codes: stopped on request; the attempt no longer counts; the cluster's node is gone.
INTERRUPTED, LOST, GONE = 75, 76, 77
LOCK_S = 60.0
_PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the attempt of the job that the arguments name and store its result in the database."""
    parser = argparse.ArgumentParser(description="Carry out one claimed job; its worker's pipe is stdin.")
    for name in ("--job", "--attempt", "--worker-pid"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args(arguments)
    end_with_worker(given.worker_pid)
    stop = stop_flag()
    lenient_streams()  # the log may be in an encoding of the locale
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    with Repository(timeout_s=5) as repository, sole_writer(given.job):
        job = repository.jobs.get(given.job)
        if (job.attempt, job.state) != (given.attempt, "running"):
            return LOST
        log.info("Job %d (%s), attempt %d on %s", job.id, job.kind, job.attempt, job.running_on)
        ledger = StoredLedger(repository, job, stop_requested=stop.is_set, lost=lambda: os._exit(LOST))
        return carry_out(job, ledger)


@contextmanager
def sole_writer(job_id: int) -> Iterator[None]:
    """Hold the lock on writing into a job's folder, first waiting for an earlier process of the job to end.

    Raises:
        StorageError: another process keeps the lock, or its file cannot be created.
    """
    import fcntl

    path = lock_path(job_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115
    except OSError as error:
        why = why_unwritable(path, error, "check the folder or choose another")
        raise StorageError(f"{path}: cannot be written, {why}") from error
    with file:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise StorageError(
                        f"{path}: expected to be the job's only process, got another one; stop that process"
                    ) from error
                time.sleep(0.05)
        yield


def carry_out(job: Job, ledger: Ledger) -> int:
    """Do a job's work and store its outcome; after a requested stop the worker stores it instead.

    Args:
        job: as claimed.
        ledger: takes the job's reports.

    Returns:
        The exit code: 0, 1 if it failed, or `INTERRUPTED`.
    """
    try:
        kind = kind_of(job.kind)
        request = kind.request.from_json(job.request).on(job.running_on or job.device)
        ledger.succeed(kind.work(request, _folder_of(job, kind.checkpoint), ledger))
    except RunInterruptedError as interruption:
        log.info("%s", interruption)
        return INTERRUPTED
    except EngineError as error:
        return _fail(ledger, str(error))
    except Exception as error:  # a bug: the traceback goes into the log, one line into the job
        log.exception("The job failed")
        if is_full(error):
            folder = job_folder(job.id)
            return _fail(ledger, f"{folder}: expected to write to it, got {full_disk(folder)}")
        message = f"{type(error).__name__}: {short_line(error)}"
        return _fail(ledger, f"{message}; this is a bug, report it with the job's log")
    log.info("Succeeded")
    return 0


def _fail(ledger: Ledger, message: str) -> int:
    line = " ".join(message.split())
    log.error("%s", line)
    ledger.fail(line)
    return 1


def _folder_of(job: Job, checkpoint: str) -> Path:
    """The job's folder, without half-written files and, unless it has a checkpoint, empty."""
    folder = job_folder(job.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        resumes = checkpoint and (folder / checkpoint).exists()
        for path in folder.glob(".*" if resumes else "*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        why = why_unwritable(folder, error, "check it or choose another PATCHBENCH_HOME")
        raise StorageError(f"{folder}: expected a writable folder, got {why}") from error
    return folder


def end_with_worker(worker_pid: int) -> None:
    """End this process at once when its worker dies, even in the middle of a computation."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker_pid:  # the worker died before prctl took effect
            os._exit(LOST)

    def wait_for_the_end() -> None:
        while os.read(0, 1):
            pass
        os._exit(LOST)

    threading.Thread(target=wait_for_the_end, daemon=True).start()


def stop_flag() -> threading.Event:
    """An event set by SIGTERM and Ctrl-C, upon which the work stops at its next checkpoint."""
    stop = threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    return stop


if __name__ == "__main__":
    sys.exit(main())
