# SPDX-License-Identifier: AGPL-3.0-only
"""Limits how often a side task, such as reporting, may take time away from the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Schedules a task at regular intervals, which become longer if it exceeds its share of the time.

    Args:
        every_s: regular interval in seconds.
        share: of all time that the task may take, 0 to 1.
        at_latest_s: the longest interval.
        at_once: due immediately, instead of after `every_s`.
        clock: returns monotonic seconds; replaced in tests.
    """

    def __init__(
        self,
        every_s: float,
        *,
        share: float,
        at_latest_s: float,
        at_once: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._every_s, self._share, self._at_latest_s = every_s, share, max(at_latest_s, every_s)
        self._clock = clock
        self._next_s = clock() + (0 if at_once else every_s)

    def due(self) -> bool:
        """Whether the task is due."""
        return self._clock() >= self._next_s

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Context in which the task is done; its duration determines when it is due again."""
        started_s = self._clock()
        try:
            yield
        finally:
            ended_s = self._clock()
            wait_s = max(self._every_s, (ended_s - started_s) / self._share)
            self._next_s = ended_s + min(wait_s, self._at_latest_s)
