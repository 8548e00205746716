# SPDX-License-Identifier: AGPL-3.0-only
"""The head's replies to what a job's process on a node asks and reports; the head alone writes SQLite."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.cluster.sending import Sender
from engine.config import home_folder
from engine.errors import EngineError, StorageError
from engine.excerpts import short_line, short_repr
from engine.jobs.ledger import Ledger, StoredLedger
from engine.records import Dataset, Job
from engine.runs.imports import open_dataset
from engine.store.repository import PARTS, Repository

log = logging.getLogger(__name__)

# What of the home nodes are sent: neither the database nor what guards it.
SENT_OF_HOME = ("jobs", "patches", "runs", "uploads", "weights")


class _LostError(Exception):
    """The attempt no longer counts."""


class Replies:
    """Answers one attempt of a job.

    Args:
        repository: the database, in the thread that calls `to`.
        job: as claimed, with the device that it has on its node.
        sender: to the node.
        node_home: the job's `PATCHBENCH_HOME` there.
    """

    def __init__(self, repository: Repository, job: Job, sender: Sender, node_home: str) -> None:
        self._repository, self._job, self._sender, self._node_home = repository, job, sender, node_home
        self._ledger: Ledger = StoredLedger(
            repository, job, stop_requested=lambda: False, lost=self._lose_attempt
        )
        self._images: set[str] = set()
        self._named = set(_names(job.request))
        self._answers: dict[str, Callable[..., Any]] = {
            "job": self._tell_job,
            "files": self._send_files,
            "dataset": self._open_dataset,
            "stored": self._stored,
            "report": self._report,
        }

    def to(self, call: bytes) -> bytes:
        """The reply to a call: its value, its error, or that the attempt no longer counts."""
        reply: tuple[str, Any]
        try:
            name, values, named = pickle.loads(call)
            reply = ("value", self._answers[name](*values, **named))
        except _LostError:
            reply = ("lost", None)
        except EngineError as error:
            reply = ("error", error)
        except Exception as error:  # a bug: the traceback goes into the worker's log
            log.exception("A request of job %d failed", self._job.id)
            what = f"{type(error).__name__}: {short_line(error)}"
            reply = ("error", StorageError(f"head: {what}; this is a bug, report it with the worker's log"))
        return pickle.dumps(reply)

    def _tell_job(self) -> tuple[Job, str]:
        return self._job, str(home_folder())

    def _report(self, method: str, *values: Any, **named: Any) -> Any:
        return getattr(self._ledger, method)(*map(self.as_here, values), **named)

    def _stored(self, part: str, method: str, *values: Any, **named: Any) -> Any:
        if part not in PARTS or method.startswith("_"):
            raise StorageError(f"head: expected a call that nodes are allowed to make, got {part}.{method}")
        named = {name: self.as_here(value) for name, value in named.items()}
        value = getattr(getattr(self._repository, part), method)(*map(self.as_here, values), **named)
        return list(value) if isinstance(value, Iterator) else value

    def _open_dataset(self, source: str) -> Dataset:
        if source not in self._named and not self._repository.datasets.has(source):
            raise StorageError(
                f"head: expected a dataset named in the job's request, got {short_repr(source)}"
            )
        dataset = open_dataset(source)
        self._images.update(image.path for image in dataset.images)
        return dataset

    def _send_files(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Send images as they are dated, all else also by its checksum."""
        images = [path for path in paths if path in self._images]
        others = [path for path in paths if path not in self._images and self._may_send(path)]
        return self._sender.send(images, hashed=False) | self._sender.send(others, hashed=True)

    def _may_send(self, path: str) -> bool:
        """Whether a file is a result, or the job's request names it or a folder around it."""
        where = Path(path)
        if ".." in where.parts:
            return False
        if any(where.is_relative_to(home_folder() / name) for name in SENT_OF_HOME):
            return True
        return any(str(each) in self._named for each in (where, *where.parents))

    def as_here(self, value: Any) -> Any:
        """A value with the paths of the job's home on the node as those of the head's."""
        if isinstance(value, str):
            return value.replace(self._node_home, str(home_folder()))
        if isinstance(value, dict):
            return {self.as_here(name): self.as_here(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.as_here(each) for each in value]
        return value

    def text_as_here(self, text: bytes) -> bytes:
        """Likewise, the content of a file."""
        return text.replace(self._node_home.encode(), str(home_folder()).encode())

    def _lose_attempt(self) -> None:
        raise _LostError


def _names(value: Any) -> Iterator[str]:
    """All texts in a request, and the parts of those that join several: `segmenter:weights=/a/b`."""
    if isinstance(value, str):
        yield value
        yield from re.split(r"[=,+]", value)
    elif isinstance(value, Mapping):
        yield from (name for each in value.values() for name in _names(each))
    elif isinstance(value, Sequence):
        yield from (name for each in value for name in _names(each))


def on_device(job: Job, device: str, node: str, gpus: str) -> Job:
    """A job as its process on a node sees it.

    Args:
        job: as claimed.
        device: `cuda:0` or `cpu`: the process sees no GPU but its own.
        node: the node's name.
        gpus: the number of its GPU among the node's.
    """
    return replace(job, running_on=device, node=node, node_device=f"cuda:{gpus}" if gpus else device)
