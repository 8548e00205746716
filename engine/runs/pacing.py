# SPDX-License-Identifier: AGPL-3.0-only
"""How often something may be done that takes time away from the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Says when something is due again: regularly, and less often where it costs more than its share.

    Args:
        every_s: seconds between two times.
        share: of all time that it may cost, 0 to 1; a time that cost more is followed by a longer wait.
        at_latest_s: the longest such wait.
        at_once: due from the beginning, not only after `every_s`.
        clock: seconds, monotonic; replaced in tests.
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
        """Whether it is time."""
        return self._clock() >= self._next_s

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Do it within; what it takes decides when it is due again."""
        started_s = self._clock()
        try:
            yield
        finally:
            ended_s = self._clock()
            wait_s = max(self._every_s, (ended_s - started_s) / self._share)
            self._next_s = ended_s + min(wait_s, self._at_latest_s)
