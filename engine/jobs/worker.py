# SPDX-License-Identifier: AGPL-3.0-only
"""The worker: claims jobs one after the other, launches each, stores how it ended and the load meanwhile."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from types import FrameType

import psutil

from engine import hardware
from engine.errors import JobError, StorageError
from engine.jobs import webhook
from engine.jobs.child import GONE, INTERRUPTED
from engine.jobs.kinds import kind_of
from engine.jobs.launcher import Launched, Launcher, start_child
from engine.jobs.sweeps import advance_all
from engine.jobs.workers import default_device, release_dead
from engine.records import Job
from engine.runs.paths import read_log_tail
from engine.store.loads import SLOT_S as SAMPLE_S
from engine.store.repository import Repository
from engine.store.workers import Worker as WorkerRecord

log = logging.getLogger(__name__)

BEAT_S, WATCH_S, IDLE_S = 1.0, 0.2, 0.5
CANCEL_S, GRACE_S = 1.2, 120.0  # from SIGTERM to SIGKILL: of a cancelled job, and of any other
_CAUSES = {
    "SIGKILL": "probably the system ran out of memory",
    "SIGSEGV": "probably a fault in a library or a driver",
    "SIGBUS": "probably a fault in a library or a full disk",
    "SIGABRT": "probably a library or CUDA aborted, see the log",
    "SIGFPE": "probably a fault in a library",
    "SIGILL": "probably a library built for another processor",
}


def run_worker(device: str | None = None, *, once: bool = False, until_idle: bool = False) -> None:
    """Work until stopped by SIGTERM or Ctrl-C.

    Args:
        device: device of its jobs; by default `cuda:0` if there is one, else `cpu`. `cpu:0`, `cpu:1` … are
            parallel workers on one CPU.
        once: end after one job.
        until_idle: end when no runnable job is left.

    Raises:
        StorageError: the database cannot be used at the start; later the worker waits for it.
    """
    with Repository() as repository:
        worker = Worker(repository, device or default_device())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        worker.run(once=once, until_idle=until_idle)


@dataclass(kw_only=True)
class Underway:
    """A launched job.

    Attributes:
        job: as claimed.
        launched: the handle on it.
        kill_at: when patience with one that was asked to stop ends; None if it was not asked.
    """

    job: Job
    launched: Launched
    kill_at: float | None = None


class Worker:
    """One worker on one device.

    Args:
        repository: the queue.
        device: see `run_worker`.
        launch: starts a job.
    """

    def __init__(self, repository: Repository, device: str, launch: Launcher = start_child) -> None:
        self._repository, self._device, self._launch = repository, device, launch
        self._stopping = threading.Event()
        self._webhook = webhook.of_environment()
        self._sample_at = 0.0
        self._register()

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop soon, after a running job has saved a checkpoint. Usable as a signal handler."""
        self._stopping.set()

    def run(
        self,
        *,
        once: bool = False,
        until_idle: bool = False,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        """Work until `stop`, or until `until`, asked between jobs, is true."""
        log.info("Worker %s started on %s", self._id, self._device)
        try:
            while not self._over(until):
                worked: bool | None
                try:
                    worked = self._turn()
                except StorageError as error:  # full disk, busy database: retry, leaving jobs as they are
                    log.warning("%s", error)
                    worked = None
                    self._stopping.wait(BEAT_S)
                if (worked and once) or (worked is False and until_idle):
                    break
                if worked is False:
                    self._stopping.wait(IDLE_S)
        finally:
            with suppress(StorageError):
                self._repository.workers.remove(self._id)
            self._webhook.wait()
            log.info("Worker %s stopped", self._id)

    def _over(self, until: Callable[[], bool]) -> bool:
        return self._stopping.is_set() or until()

    def _register(self) -> None:
        process = psutil.Process()
        self._id = f"{socket.gethostname()}-{process.pid}-{secrets.token_hex(3)}"
        now = time.time()
        self._repository.workers.add(
            WorkerRecord(
                id=self._id,
                host=socket.gethostname(),
                pid=process.pid,
                process_started_at=process.create_time(),
                device=self._device,
                started_at=now,
                heartbeat_at=now,
            )
        )
        self._beat_at = 0.0  # check for dead workers immediately

    def _turn(self) -> bool | None:
        """Run the next job to its end, if there is one; sweeps whose trials have ended queue others first."""
        self._beat()
        advance_all(self._repository)
        job = self._repository.queue.claim(self._id, self._device)
        if job is None:
            return False
        log.info("Job %d (%s) started", job.id, job.kind)
        launched = self._started(job, self._launch)
        if launched is not None:
            code = self._watch(Underway(job=job, launched=launched))
            self._settle(job, partial(self._end, job, code))
        return True

    def _started(self, job: Job, launch: Launcher) -> Launched | None:
        """Launch a claimed job; None, and the job has failed, if that cannot be done."""
        try:
            return launch(job)
        except OSError as error:
            reason = f"its process could not be started, {error}; free memory and disk space, then retry"
            self._settle(job, partial(self._repository.queue.finish, job, "failed", error=reason))
            return None

    def _beat(self) -> None:
        """If due, send a heartbeat, sample the load and release the jobs of dead workers."""
        if time.time() - self._beat_at < BEAT_S:
            return
        if not self._repository.workers.beat(self._id):  # another machine considered this worker dead
            self._register()
        self._beat_at = time.time()
        if self._beat_at >= self._sample_at:
            self._sample_at = self._beat_at + SAMPLE_S
            self._repository.loads.add(socket.gethostname(), asdict(hardware.load()), at=self._beat_at)
        for job in release_dead(self._repository):
            log.info("Job %d, whose worker is no longer running: %s", job.id, job.state)
            self._webhook.tell(job)

    def _watch(self, underway: Underway) -> int:
        """Wait for a launched job to end and return its exit code."""
        while (code := self._look_after(underway, WATCH_S)) is None:
            pass
        return code

    def _look_after(self, underway: Underway, within_s: float) -> int | None:
        """The exit code of a job that ends within some seconds; one that goes on is stopped on request."""
        launched = underway.launched
        if (code := launched.poll(within_s)) is not None:
            return code
        request = self._stop_request(underway.job)
        if request == "gone":
            launched.kill()
        elif request is not None:
            now = time.monotonic()
            patience = CANCEL_S if request == "cancel" else GRACE_S
            if underway.kill_at is None:
                launched.stop()
                underway.kill_at = now + patience
            underway.kill_at = min(underway.kill_at, now + patience)
            if now >= underway.kill_at:
                launched.kill()
        return None

    def _stop_request(self, job: Job) -> str | None:
        """The job's `Queue.stop_request`, or `stop` if the worker is stopping."""
        try:
            self._beat()
            request = self._repository.queue.stop_request(job)
        except StorageError as error:
            log.warning("%s", error)
            request = None
        return request or ("stop" if self._stopping.is_set() else None)

    def _settle(self, job: Job, end: Callable[[], object]) -> None:
        """Store how a job ended, retrying while the database cannot be written, and tell the webhook."""
        while True:
            try:
                end()
                break
            except StorageError as error:
                log.warning("%s", error)
                if self._stopping.wait(BEAT_S):
                    return  # another worker will release the job
        with suppress(StorageError, JobError):  # it may be deleted by now
            self._webhook.tell(self._repository.jobs.get(job.id))

    def _end(self, job: Job, code: int) -> None:
        """Store how the job ended, unless its child did."""
        queue = self._repository.queue
        request = queue.stop_request(job)
        if request != "gone":
            last_lines = [line for line in read_log_tail(job.id, lines=5) if line]
            state, error = ending(
                code,
                request=request,
                may_go_on=queue.may_go_on(job),
                stopped=self._stopping.is_set(),
                last_line=last_lines[-1] if last_lines else "",
            )
            queue.finish(job, state, error=error)
        job = self._repository.jobs.get(job.id)
        if job.state == "cancelled":
            kind_of(job.kind).cancelled(self._repository, job)
        log.info("Job %d: %s", job.id, job.state)


def ending(
    code: int, *, request: str | None, may_go_on: bool, stopped: bool, last_line: str
) -> tuple[str, str | None]:
    """The final state of a job whose child did not store it.

    Args:
        code: the child's exit code, negative for a signal.
        request: `cancel` or `pause` if it was requested.
        may_go_on: whether the job may be queued again automatically.
        stopped: whether the worker is stopping.
        last_line: of the job's log.

    Returns:
        The job's state, and its error if it failed or was interrupted.
    """
    if request in ("cancel", "pause"):
        return {"cancel": "cancelled", "pause": "paused"}[request], None
    broken_off = "queued" if may_go_on else "interrupted"
    if stopped or code == INTERRUPTED:
        return broken_off, "stopped together with its worker; resume it"
    if code == GONE:
        return broken_off, f"its node was lost ({last_line}); resume it"
    if code < 0:
        name = signal.Signals(-code).name
        cause = _CAUSES.get(name, "stopped by another program")
        return broken_off, f"its process was killed by {name}: {cause}; resume it"
    return "failed", f"its process exited with code {code}: {last_line or 'no output'}; see its log"
