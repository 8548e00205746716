# SPDX-License-Identifier: AGPL-3.0-only
"""One attempt of a job on a node, as the worker on the head sees and feeds it."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from engine.cluster.node import Piece
from engine.cluster.placing import Node, Share
from engine.cluster.replies import Replies, on_device
from engine.cluster.sending import Sender, folder_entries, pieces_of
from engine.errors import ClusterError, EngineError
from engine.excerpts import short_line
from engine.jobs.child import GONE, INTERRUPTED, sole_writer
from engine.records import Job
from engine.runs.paths import job_folder, log_path
from engine.store.repository import Repository

log = logging.getLogger(__name__)

TURN_S, START_LOOK_S = 0.25, 0.25
ABANDON_S = 5.0  # from a kill, after which a node that does not answer is no longer waited for
SLOW_S = 120.0  # without an answer from a node, after which it counts as gone


class Pending(Protocol):
    """A call to a process on a node."""

    def within(self, seconds: float) -> bool:
        """Whether it is answered, or has failed, within so many seconds."""

    def value(self, timeout_s: float | None = None) -> Any:
        """Its answer; raises `ClusterError`."""


class Remote(Protocol):
    """A process on a node."""

    def call(self, method: str, *values: Any) -> Pending:
        """Call a method of it."""

    def end(self) -> None:
        """End it at once."""


class Ground(Protocol):
    """A node that is ready for jobs: its keeper has the code."""

    node: Node
    sender: Sender
    code: str

    def weights(self) -> str:
        """The node's copy of the head's weights."""

    def post(self, share: Share) -> Remote:
        """A post with a share of the node."""


class RemoteJob:
    """A job on a node; see `engine.jobs.launcher.Launched`.

    A thread of its own feeds it, with its own connection to the database.

    Args:
        job: as claimed.
        prepare: makes the node ready, in that thread.
        share: of the node.
    """

    def __init__(self, job: Job, prepare: Callable[[], Ground], share: Share) -> None:
        self._job, self._prepare, self._share = job, prepare, share
        self._wish, self._code, self._ended = "", INTERRUPTED, threading.Event()
        self._abandon_at = math.inf
        threading.Thread(target=self._run, name=f"job {job.id}", daemon=True).start()

    def poll(self, within_s: float) -> int | None:
        """Wait for the exit code; None if the job is still running."""
        if self._ended.wait(within_s):
            return self._code
        return -signal.SIGKILL if time.monotonic() > self._abandon_at else None

    def stop(self) -> None:
        """Ask it to stop at a checkpoint."""
        self._wish = self._wish or "stop"

    def kill(self) -> None:
        """End it at once."""
        self._wish = "kill"
        self._abandon_at = min(self._abandon_at, time.monotonic() + ABANDON_S)

    def _run(self) -> None:
        try:
            with Repository(timeout_s=30) as repository, sole_writer(self._job.id):
                self._code = self._on_node(repository)
        except ClusterError as error:
            self._note(str(error))
            self._code = GONE
        except EngineError as error:
            self._note(str(error))
            self._code = 1
        except Exception as error:  # a bug: the traceback goes into the worker's log
            log.exception("Job %d cannot run on a node", self._job.id)
            self._note(
                f"{type(error).__name__}: {short_line(error)}; this is a bug, report it with the worker's log"
            )
            self._code = 1
        finally:
            self._ended.set()

    def _on_node(self, repository: Repository) -> int:
        ground = self._prepare()
        post = ground.post(self._share)
        try:
            facts = post.call("facts")
            while not facts.within(START_LOOK_S):  # its share of the node may be taken by others
                if self._wish:
                    return INTERRUPTED
            told = facts.value()
            device = "cuda:0" if self._share.gpus else "cpu"
            job = on_device(self._job, device, ground.node.name, told["gpus"] if self._share.gpus else "")
            repository.queue.placed(job)
            self._send_checkpoint(post)
            if self._wish:
                return INTERRUPTED
            post.call(
                "start", job.id, ground.code, ground.weights(), max(int(self._share.cpus), 1), device != "cpu"
            ).value(SLOW_S)
            return self._feed(post, Replies(repository, job, ground.sender, told["home"]))
        finally:
            post.end()

    def _send_checkpoint(self, post: Remote) -> None:
        """Send the job's folder, if there is one from an earlier attempt."""
        folder = job_folder(self._job.id)
        if folder.is_dir():
            for pieces in pieces_of(folder_entries(folder)):
                post.call("put", self._job.id, pieces).value(SLOW_S)

    def _feed(self, post: Remote, replies: Replies) -> int:
        """Take what the process tells and reply to what it asks, until it ends; its exit code."""
        reply, wished = b"", ""
        folder = Folder(job_folder(self._job.id), replies.text_as_here)
        while True:
            wish = self._wish if self._wish != wished else ""
            told = post.call("turn", reply, wish, TURN_S).value(SLOW_S)
            wished = wish or wished
            if told["log"]:
                self._append(told["log"])
            folder.take(told["pieces"])
            folder.forget(told["gone"])
            reply = replies.to(told["call"]) if told["call"] else b""
            if told["code"] is not None:
                return int(told["code"])

    def _append(self, lines: bytes) -> None:
        path = log_path(self._job.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            file.write(lines)

    def _note(self, line: str) -> None:
        try:
            self._append(f"{line}\n".encode())
        except OSError as error:
            log.warning("%s", error)


class Folder:
    """A job's folder on the head, kept as the one on the node is; files appear whole.

    Args:
        path: of the folder.
        as_here: what texts with paths of the node are here.
    """

    def __init__(self, path: Path, as_here: Callable[[bytes], bytes]) -> None:
        self._path, self._as_here = path, as_here

    def take(self, pieces: Iterable[Piece]) -> None:
        """Write pieces of files, which come in order."""
        for name, size, _changed_ns, _sha256, offset, data in pieces:
            place = self._place(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.part")
            with open(draft, "r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)
            if offset + len(data) == size:
                if place.suffix == ".json":
                    draft.write_bytes(self._as_here(draft.read_bytes()))
                draft.replace(place)

    def forget(self, names: Iterable[str]) -> None:
        """Remove files that are gone on the node."""
        for name in names:
            self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        """A file's place; a node cannot name one outside."""
        place = self._path / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ClusterError(f"cluster: expected a file in the job's folder, got {name!r}")
        return place
