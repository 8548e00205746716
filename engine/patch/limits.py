# SPDX-License-Identifier: AGPL-3.0-only
"""The limits of a run: its time and the memory of its device."""

from __future__ import annotations

from collections.abc import Callable

from engine.config import RunConfig
from engine.patch.state import RunState


class Limits:
    """Decisions based on the process's clock and memory, recorded in the run's state.

    Everything else in a run follows from its settings; processes sharing a run would have to agree only on
    these.

    Args:
        config: the run's settings.
        state: the run's state; changed in place.
        clock: returns monotonic seconds.
    """

    def __init__(self, config: RunConfig, state: RunState, clock: Callable[[], float]) -> None:
        self._config, self._state, self._clock = config, state, clock
        self._started_s = clock() - state.elapsed_s

    def elapsed_s(self) -> float:
        """Seconds spent so far, including those before the run was resumed."""
        return self._clock() - self._started_s

    def out_of_time(self) -> bool:
        """Whether the time limit, if any, is reached."""
        limit_s = self._config.time_limit_s
        return bool(limit_s) and self.elapsed_s() >= limit_s

    def fit_iterations(self) -> None:
        """After an iteration, reduce the number of iterations to those that fit into the time limit."""
        state = self._state
        if self._config.time_limit_s:
            per_iteration_s = state.stepping_s / state.iteration
            fitting = max(int((self._config.time_limit_s - state.choosing_s) / per_iteration_s), 1)
            state.iterations = max(min(self._config.iterations, fitting), state.iteration)

    def allow(self, images: int) -> bool:
        """Whether this many images may fit into memory at once, judging by earlier attempts."""
        return not 0 < self._state.batch_limit < images

    def did_not_fit(self, images: int) -> None:
        """Record that this many images do not fit, and halve the batch limit."""
        state = self._state
        state.batch_limit = max(images // 2, 1)
        state.events.append({"event": "out of memory", "step": state.step, "batch_size": state.batch_limit})
