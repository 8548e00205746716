# SPDX-License-Identifier: AGPL-3.0-only
"""Reports a running training's progress and all its epochs."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.jobs.reporting import RECENT, Reporter
from engine.records import Progress, StepRecord

if TYPE_CHECKING:
    from engine.runs.training_course import TrainingObserver, TrainingState


class TrainingReporter(Reporter):
    """Reports the images of a training as they are seen, and a step for each epoch."""

    def observe(self) -> TrainingObserver:
        """Create the observer of a training."""
        from engine.runs.training_course import TrainingObserver  # loads torch, which other jobs do without

        return TrainingObserver(
            on_begin=self._begin,
            on_step=self._step,
            on_epoch=self._epoch,
            on_checkpoint=lambda state: self._checkpointed(state.epoch),
            stop_requested=self._stop,
        )

    def _begin(self, state: TrainingState) -> None:
        """Match the stored epochs to the state's history; later ones are deleted and will be repeated."""
        self._begun_at, self._recent = state.epoch, deque(maxlen=RECENT)
        last = min(self._ledger.last_step(), state.epoch)
        self._steps = [record for record in state.history if record.step > last]
        self.progress = Progress(phase="training", done=state.images, unit="images")
        self.finish(forget_after=last)

    def _step(self, images: int, expected: int, loss: float) -> None:
        self.progress = replace(self.progress, done=images, total=expected, loss=loss)
        if self._pace.due():
            self._store_with_rate(images, expected)

    def _epoch(self, record: StepRecord, state: TrainingState) -> None:
        self._steps.append(record)
        self.progress = replace(self.progress, loss=record.loss)
        self.store()

    def _stop(self) -> bool:
        """Polled after each step; before the training stops, its progress is stored."""
        if not self._ledger.stop_requested():
            return False
        self.store()
        return True
