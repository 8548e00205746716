# SPDX-License-Identifier: AGPL-3.0-only
"""Computes parts of a batch in parallel on the cores of a CPU."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import TypeVar

import torch

Result = TypeVar("Result")


class BatchThreads:
    """Threads that each compute a part of a batch with a share of torch's threads.

    A small detector's layers are too short to be split between cores, which would mostly wait for each other;
    parts of a batch need no waiting.

    Args:
        most: maximum number of parts; 1 computes in the caller's thread with all of torch's threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pools: dict[int, ThreadPoolExecutor] = {}  # by the number of parts

    def split(self, images: int) -> list[tuple[int, int]]:
        """Start and end (exclusive) of each part: one part per thread, none empty."""
        parts = max(min(self._most, images), 1)
        bounds = [images * part // parts for part in range(parts + 1)]
        return list(pairwise(bounds))

    def map(self, work: Callable[[int, int], Result], images: int) -> list[Result]:
        """Call `work(first, last)` for each part and return the results in order.

        Raises:
            Exception: the error of the first part that failed.
        """
        parts = self.split(images)
        if len(parts) == 1:
            return [work(0, images)]
        pool = self._pools.get(len(parts)) or self._pools.setdefault(len(parts), _settled_pool(len(parts)))
        futures = [pool.submit(work, first, last) for first, last in parts]
        return [future.result() for future in futures]


def _settled_pool(count: int) -> ThreadPoolExecutor:
    """A pool whose threads have a share of torch's threads each; the caller's own number is unchanged.

    torch sets a thread's number when the thread first asks for it, to the last number set by any thread.
    """
    threads = torch.get_num_threads()
    ready = Barrier(count + 1)

    def settle() -> None:
        torch.get_num_threads()
        torch.set_num_threads(max(threads // count, 1))
        ready.wait()

    pool = ThreadPoolExecutor(count, "batch", initializer=settle)
    for _ in range(count):
        pool.submit(int)
    ready.wait()
    torch.set_num_threads(threads)
    return pool
