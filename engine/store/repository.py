# SPDX-License-Identifier: AGPL-3.0-only
"""The single entry to the database: a repository opens it once and has a part for each kind of record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from engine import outpost
from engine.store.benchmarks import Benchmarks
from engine.store.choices import Choices
from engine.store.connection import Connection
from engine.store.costs import Costs
from engine.store.datasets import Datasets
from engine.store.groups import Groups
from engine.store.jobs import Jobs
from engine.store.loads import Loads
from engine.store.maintenance import Maintenance
from engine.store.matrices import Matrices
from engine.store.nodes import Nodes
from engine.store.patches import Patches
from engine.store.previews import Previews
from engine.store.queue import Queue
from engine.store.runs import Runs
from engine.store.steps import Steps
from engine.store.sweeps import Sweeps
from engine.store.validations import Validations
from engine.store.weights import Weights
from engine.store.workers import Workers

# What jobs read and write besides what their ledgers report; on a node, the head is asked for it.
PARTS = ("benchmarks", "choices", "costs", "datasets", "matrices", "patches", "weights")


class AtHead:
    """A part of the head's database, on a node: its methods are called there."""

    def __init__(self, head: outpost.Head, part: str) -> None:
        self._head, self._part = head, part

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._head.stored, self._part, method)


class Repository:
    """One database, for use in one thread; close it after use, or use it as a context manager.

    The process of a job on a node of a cluster has the head's, as far as `PARTS` go.

    Args:
        path, timeout_s, on_full_disk: see `Connection`.

    Raises:
        StorageError: the file is locked, corrupt, of a newer PatchBench or cannot be written.
    """

    def __init__(
        self, path: str | Path | None = None, *, timeout_s: float = 10.0, on_full_disk: bool = False
    ) -> None:
        self._elsewhere = outpost.head() if path is None else None
        if self._elsewhere is not None:
            for name in PARTS:
                setattr(self, name, AtHead(self._elsewhere, name))
            return
        self.connection = Connection(path, timeout_s=timeout_s, on_full_disk=on_full_disk)
        self.benchmarks = Benchmarks(self.connection)
        self.choices = Choices(self.connection)
        self.datasets = Datasets(self.connection)
        self.groups = Groups(self.connection)
        self.jobs = Jobs(self.connection)
        self.loads = Loads(self.connection)
        self.matrices = Matrices(self.connection)
        self.nodes = Nodes(self.connection)
        self.patches = Patches(self.connection)
        self.costs = Costs(self.connection)
        self.maintenance = Maintenance(self.connection)
        self.previews = Previews(self.connection)
        self.queue = Queue(self.connection)
        self.runs = Runs(self.connection)
        self.steps = Steps(self.connection)
        self.sweeps = Sweeps(self.connection)
        self.validations = Validations(self.connection)
        self.weights = Weights(self.connection)
        self.workers = Workers(self.connection)

    def close(self) -> None:
        """Close the connection."""
        if self._elsewhere is None:
            self.connection.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
