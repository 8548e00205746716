# SPDX-License-Identifier: AGPL-3.0-only
"""Reports a running job's progress, all steps and the live patch, in under 1% of its time."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import psutil

from engine.errors import EngineError, RunInterruptedError, StorageError
from engine.jobs.ledger import Ledger
from engine.patch.arrays import write_patch_array
from engine.records import Progress, StepRecord
from engine.runs.pacing import Pace

if TYPE_CHECKING:
    from engine.patch.state import RunState
    from engine.runs.generation import Observer

log = logging.getLogger(__name__)

PROGRESS_S, LIVE_S = 1.0, 2.0
SHARE = 0.002  # of the run's time, for each of progress and live patch
RECENT = 20  # reports over which a rate is computed
LAST_TRIES = 30


class Reporter:
    """Reports the progress of any job at most once a second.

    Args:
        ledger: takes the reports.
        clock: seconds, monotonic; replaced in tests.
    """

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._ledger, self._clock = ledger, clock
        self._pace = Pace(PROGRESS_S, share=SHARE, at_latest_s=30, at_once=True, clock=clock)
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._steps: list[StepRecord] = []
        self._begun_at = 0
        self.progress = Progress()

    def phase(self, phase: str, done: int = 0, total: int | None = None, unit: str = "") -> None:
        """Report progress; stored immediately at the start of a phase, otherwise when due.

        Raises:
            RunInterruptedError: the job should stop.
        """
        begins = phase != self.progress.phase
        if begins:
            self._recent.clear()
        self.progress = Progress(phase=phase, done=done, total=total, unit=unit)
        if begins or self._pace.due():
            self._store_with_rate(done, total)
        if self._ledger.stop_requested():
            raise RunInterruptedError(f"stopped while {phase}; resume the job to restart this phase")

    def store(self) -> None:
        """Store progress and steps now; on a database error keep them for the next time."""
        with self._pace.spent():
            try:
                self._write()
            except StorageError as error:
                log.warning("Progress could not be stored: %s", error)

    def finish(self, *, forget_after: int | None = None) -> None:
        """Store everything not stored yet, retrying while the database is busy.

        Args:
            forget_after: number of the step after which stored steps are deleted first.

        Raises:
            StorageError: the database still fails after `LAST_TRIES` attempts.
        """
        for left in reversed(range(LAST_TRIES)):
            try:
                self._write(forget_after)
                break
            except StorageError:
                if not left:
                    raise
                time.sleep(1)

    def _store_with_rate(self, done: int, total: int | None) -> None:
        """Store progress with the rate of late and the time that remains."""
        self._recent.append((self._clock(), done))
        rate = self._rate()
        left_s = (total - done) / rate if rate and total else None
        self.progress = replace(self.progress, rate=rate, remaining_s=left_s)
        self.store()

    def _checkpointed(self, number: int) -> None:
        """Note that a step or an epoch is kept, once it is later than where the work began."""
        if number > self._begun_at:
            self._begun_at = number
            try:
                self._ledger.checkpointed()
            except StorageError as error:
                log.warning("Progress could not be stored: %s", error)

    def _write(self, forget_after: int | None = None) -> None:
        self.progress = replace(self.progress, memory_bytes=_memory_bytes(), updated_at=time.time())
        self._ledger.report(self.progress, steps=self._steps, forget_after=forget_after)
        self._steps = []

    def _rate(self) -> float | None:
        """Units per second over the latest reports."""
        (first_s, first), (last_s, last) = self._recent[0], self._recent[-1]
        return (last - first) / (last_s - first_s) if last > first and last_s > first_s else None


class RunReporter(Reporter):
    """Reports all steps of a generation, and its live patch at most every two seconds.

    Steps are numbered consecutively over the runs of one job (the groups of `merge mean`).
    """

    def observe(self, folder: Path, mask_hw: npt.NDArray[np.bool_] | None = None) -> Observer:
        """Create the observer of a run.

        Args:
            folder: where the live patch is written.
            mask_hw: bool (h, w), True for texels that are drawn; None for all.
        """
        from engine.runs.generation import Observer  # loads torch, which dataset imports do not need

        self._folder, self._mask = folder, mask_hw
        self._live = Pace(LIVE_S, share=SHARE, at_latest_s=60, at_once=True, clock=self._clock)
        self._state: RunState | None = None
        self._loss: float | None = None
        self._before = StepRecord(
            step=0, iteration=0, loss=0, terms={}, learning_rate=0, images=0, elapsed_s=0
        )
        self._scored = self._begun_at = 0
        return Observer(
            on_begin=self._begin,
            on_step=self._step,
            on_checkpoint=lambda state: self._checkpointed(state.step),
            on_validated=self._validated,
            on_evaluated=self._evaluated,
            stop_requested=self._stop,
        )

    def _begin(self, state: RunState, steps: int) -> None:
        """Match the stored steps to the state's history; later steps are deleted and will be repeated."""
        if self._state is not None and self._state.history:
            self._before = self._shifted(self._state.history[-1])
        self._state, self._steps_in_iteration = state, steps
        self._begun_at, self._recent = state.step, deque(maxlen=RECENT)
        if self._steps:
            self.finish()
        last = min(self._ledger.last_step(), self._before.step + state.step)
        self._steps = [shifted for each in state.history if (shifted := self._shifted(each)).step > last]
        self.progress = self._run_progress(state, self._loss)
        self.finish(forget_after=last)

    def _step(self, record: StepRecord, state: RunState) -> None:
        self._steps.append(self._shifted(record))
        self._loss = record.loss
        if self._pace.due():
            self._recent.append((state.elapsed_s, state.image_iterations))
            self.progress = self._run_progress(state, self._loss)
            self.store()
        if self._live.due():
            self._show(state)

    def _stop(self) -> bool:
        """Polled after each step; before the run stops, its progress and current patch are stored."""
        if not self._ledger.stop_requested():
            return False
        if self._state is not None:
            self._show(self._state)
            self.progress = self._run_progress(self._state, self._loss)
            self.store()
        return True

    def _validated(
        self, iteration: int, scores: dict[str, float], ci95: dict[str, tuple[float, float]]
    ) -> None:
        """Store a validation; a database that cannot take it must not end the run."""
        try:
            self._ledger.validated(iteration, scores, ci95)
        except EngineError as error:
            log.warning("The validation could not be stored: %s", error)

    def _evaluated(self, images: int) -> None:
        self._scored += images
        self.phase("scoring", self._scored, None, "images")

    def _show(self, state: RunState) -> None:
        """Write the live patch; a full disk must not end the run."""
        if not state.patch_chw.numel():
            return
        with self._live.spent():
            try:
                write_patch_array(self._folder, state.patch_chw.cpu().numpy(), self._mask, stem="live")
            except StorageError as error:
                log.warning("The live patch could not be stored: %s", error)

    def _run_progress(self, state: RunState, loss: float | None) -> Progress:
        total = max(self._steps_in_iteration * state.iterations, state.step)
        if state.iteration:
            finished = state.step - state.steps_in_iteration
            total = max(round(finished / state.iteration * state.iterations), state.step)
        rate = self._rate() if self._recent else None
        done_s = state.stepping_s / state.step if state.step else None
        return Progress(
            phase="optimising",
            done=self._before.step + state.step,
            total=self._before.step + total,
            unit="steps",
            loss=loss,
            rate=rate,
            remaining_s=(total - state.step) * done_s if done_s else None,
        )

    def _shifted(self, record: StepRecord) -> StepRecord:
        """The step as numbered and timed over the whole job."""
        before = self._before
        if not before.step:
            return record
        return replace(record, step=record.step + before.step, elapsed_s=record.elapsed_s + before.elapsed_s)


def _memory_bytes() -> int:
    """Memory held by this process: on a CUDA device if it uses one, otherwise in RAM."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.memory_reserved())
    return psutil.Process().memory_info().rss
