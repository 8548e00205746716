# SPDX-License-Identifier: AGPL-3.0-only
"""All that is kept, behind one door: a repository opens the database once and has a part for each kind."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from engine.store.benchmarks import Benchmarks
from engine.store.connection import Connection
from engine.store.costs import Costs
from engine.store.datasets import Datasets
from engine.store.groups import Groups
from engine.store.jobs import Jobs
from engine.store.maintenance import Maintenance
from engine.store.patches import Patches
from engine.store.previews import Previews
from engine.store.queue import Queue
from engine.store.steps import Steps
from engine.store.weights import Weights
from engine.store.workers import Workers


class Repository:
    """One database. Use from one thread; close after use (or as a context manager).

    Args:
        path: the file, `:memory:`, or None for the user's own database.
        timeout_s: how long to wait for another process's write.
        on_full_disk: open it also where nothing more can be written; see `open_database`.

    Attributes:
        benchmarks, costs, datasets, groups, jobs, maintenance, patches, previews, queue, steps, weights,
            workers: see those.

    Raises:
        StorageError: the file is locked, corrupt, of a newer PatchBench or cannot be written; so all methods.
    """

    def __init__(
        self, path: str | Path | None = None, *, timeout_s: float = 10.0, on_full_disk: bool = False
    ) -> None:
        self.connection = Connection(path, timeout_s=timeout_s, on_full_disk=on_full_disk)
        self.benchmarks = Benchmarks(self.connection)
        self.datasets = Datasets(self.connection)
        self.groups = Groups(self.connection)
        self.jobs = Jobs(self.connection)
        self.patches = Patches(self.connection)
        self.costs = Costs(self.connection)
        self.maintenance = Maintenance(self.connection)
        self.previews = Previews(self.connection)
        self.queue = Queue(self.connection)
        self.steps = Steps(self.connection)
        self.weights = Weights(self.connection)
        self.workers = Workers(self.connection)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
