# SPDX-License-Identifier: AGPL-3.0-only
"""The limits of a run: its time and the memory of its device."""

from __future__ import annotations

from collections.abc import Callable

from engine.config import RunConfig
from engine.patch.state import RunState


class Limits:
    """Decisions that a process takes by its own clock and its own memory, noted in the run's state.

    They stand together because everything else of a run follows from its settings: processes that share a
    run would have to agree on these alone.

    Args:
        config: the run's settings.
        state: where the run stands; changed in place.
        clock: seconds, monotonic.
    """

    def __init__(self, config: RunConfig, state: RunState, clock: Callable[[], float]) -> None:
        self._config, self._state, self._clock = config, state, clock
        self._started_s = clock() - state.elapsed_s

    def elapsed_s(self) -> float:
        """Seconds so far, over all sittings."""
        return self._clock() - self._started_s

    def out_of_time(self) -> bool:
        """Whether the time limit, if there is one, is reached."""
        limit_s = self._config.time_limit_s
        return bool(limit_s) and self.elapsed_s() >= limit_s

    def fit_iterations(self) -> None:
        """After an iteration: as many iterations as the time limit has room for, at most those asked for."""
        state = self._state
        if self._config.time_limit_s:
            per_iteration_s = state.elapsed_s / state.iteration
            fitting = max(int(self._config.time_limit_s / per_iteration_s), 1)
            state.iterations = max(min(self._config.iterations, fitting), state.iteration)

    def allow(self, images: int) -> bool:
        """Whether so many images may fit into memory at once, for all that is known."""
        return not 0 < self._state.batch_limit < images

    def did_not_fit(self, images: int) -> None:
        """Never try so many images at once again."""
        state = self._state
        state.batch_limit = max(images // 2, 1)
        state.events.append({"event": "out of memory", "step": state.step, "batch_size": state.batch_limit})
