# SPDX-License-Identifier: AGPL-3.0-only
"""Computes the parts of a batch side by side on a processor's cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import TypeVar

import torch

Result = TypeVar("Result")


class BatchThreads:
    """Threads of which each computes a part of a batch, with its share of torch's threads.

    A small detector's layers are too short for two cores to share each of them: most of the time one waits
    for the other. Two halves of a batch, a core each, do not wait.

    Args:
        most: parts at most; 1 computes in the caller's thread, with all of torch's threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pools: dict[int, ThreadPoolExecutor] = {}  # by the number of parts

    def split(self, images: int) -> list[tuple[int, int]]:
        """First and behind-last image of each part: as many parts as threads, none empty."""
        parts = max(min(self._most, images), 1)
        bounds = [images * part // parts for part in range(parts + 1)]
        return list(pairwise(bounds))

    def map(self, work: Callable[[int, int], Result], images: int) -> list[Result]:
        """`work(first, last)` of each part of a batch, in their order.

        Raises:
            whatever a part raised; the first part's error where there are several.
        """
        parts = self.split(images)
        if len(parts) == 1:
            return [work(0, images)]
        pool = self._pools.get(len(parts)) or self._pools.setdefault(len(parts), _settled_pool(len(parts)))
        under_way = [pool.submit(work, first, last) for first, last in parts]
        return [each.result() for each in under_way]


def _settled_pool(count: int) -> ThreadPoolExecutor:
    """A pool whose threads have their share of torch's threads; the caller's own number stays.

    torch gives a thread its number at the thread's first question for it, and remembers the last one set
    for threads to come.
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
