# SPDX-License-Identifier: AGPL-3.0-only
"""The course of a training: rate, time, validation, best and last weights, checkpoints; for any family."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.config import DefenceTrainingConfig, TrainingConfig
from engine.detectors.base import Detector
from engine.detectors.training import Alteration, EpochResult
from engine.disk import write_whole
from engine.errors import RunInterruptedError
from engine.patch.schedules import Plateau, learning_rate_factor
from engine.patch.state import CHECKPOINT, read_state, saved, state_content
from engine.records import StepRecord
from engine.runs.pacing import Pace

log = logging.getLogger(__name__)

BEST, LAST = "weights.pt", "weights-last.pt"
CHECKPOINT_SHARE = 0.05  # of the time that checkpoints may take
SCORE_SHARE = 0.05  # likewise that scores may take which decide nothing
ALTERED = "alteration"
"""The name of an alteration's state beside the trainer's."""
AP50 = "ap50"
"""The name of the validation's score among the terms of an epoch's record."""


@dataclass(kw_only=True)
class TrainingState:
    """The state of a training between two epochs, without that of the family's trainer.

    Attributes:
        epoch: finished epochs.
        images: images that steps were made of.
        elapsed_s: seconds spent so far, with validations, including those before it was resumed.
        best_ap50, best_epoch: best validation so far; -1 and 0 before the first.
        stale_epochs: epochs since the best one.
        ended: `epochs`, `time limit` or `early stop` once the course has ended.
        plateau: state of the schedule of that name.
        history: one record per epoch, with the validation's score under `AP50`.
    """

    epoch: int = 0
    images: int = 0
    elapsed_s: float = 0.0
    best_ap50: float = -1.0
    best_epoch: int = 0
    stale_epochs: int = 0
    ended: str = ""
    plateau: dict[str, Any] = field(default_factory=dict)
    history: list[StepRecord] = field(default_factory=list)

    @property
    def last_ap50(self) -> float:
        """Score of the last epoch; NaN without a validation."""
        return self.history[-1].terms.get(AP50, math.nan) if self.history else math.nan


@dataclass(frozen=True, kw_only=True)
class TrainingObserver:
    """Callbacks of a training, all of them optional.

    Attributes:
        on_begin: called before the first step with the state.
        on_step: called after each step with the images that steps were made of so far, how many they will
            be as far as is known, and the loss.
        on_epoch: called with each epoch's record and the state after it.
        on_checkpoint: called with each state that was kept.
        stop_requested: polled after each step; True interrupts the training.
    """

    on_begin: Callable[[TrainingState], object] = lambda state: None
    on_step: Callable[[int, int, float], object] = lambda images, expected, loss: None
    on_epoch: Callable[[StepRecord, TrainingState], object] = lambda record, state: None
    on_checkpoint: Callable[[TrainingState], object] = lambda state: None
    stop_requested: Callable[[], bool] = lambda: False


class TrainingCourse:
    """The `engine.detectors.training.Course` of one training in its folder.

    Args:
        config: the training's settings.
        folder: an existing folder; weights and checkpoints are written into it.
        score: gives the AP50 of a detector on the images held out, calling its second argument at times,
            which may raise; None without such images.
        facts: added to weight files.
        identity: kept in checkpoints: settings, images and weights that the state belongs to.
        observer: callbacks.
        state: to go on from.
        metric: what records call the score; AP50 unless it is no detector that is trained.
        alteration: of the images, whose state is kept in checkpoints beside the trainer's. With one, the last
            weights are the result: scores on clean images would choose those that have learned least.
        command: what goes on with it, for messages.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        config: TrainingConfig | DefenceTrainingConfig,
        folder: Path,
        *,
        score: Callable[[Detector, Callable[[], None]], float] | None,
        facts: Mapping[str, Any],
        identity: Mapping[str, Any],
        observer: TrainingObserver,
        state: TrainingState | None = None,
        metric: str = AP50,
        alteration: Alteration | None = None,
        command: str = "detector train",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._metric, self._command, self._alteration = metric, command, alteration
        self.state = state or TrainingState()
        self._config, self._folder, self._score = config, folder, score
        self._facts, self._identity, self._observer, self._clock = facts, identity, observer, clock
        self._started_s = clock() - self.state.elapsed_s
        self._plateau = Plateau(config.schedule)
        if self.state.plateau:
            self._plateau.load_state_dict(self.state.plateau)
        self._checkpoints = Pace(0.0, share=CHECKPOINT_SHARE, at_latest_s=600, at_once=True, clock=clock)
        self._scores = Pace(0.0, share=SCORE_SHARE, at_latest_s=600, at_once=True, clock=clock)
        self._begin_epoch()

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return self.state.epoch

    def progress(self, epoch: float) -> float:
        """Share of the training that is done, 0 to 1, by epochs or by time."""
        return min(epoch / self._expected(epoch), 1.0)

    def rate_factor(self, epoch: float) -> float:
        """Factor of the learning rate, 0 to 1: the schedule is stretched over the epochs to be expected."""
        expected = max(round(self._expected(epoch)), 1)
        done = self.progress(epoch) * expected
        return learning_rate_factor(self._config.schedule, done, expected) * self._plateau.factor

    def batch_done(self, epoch: float, losses: Mapping[str, Tensor], *, images: int, rate: float) -> bool:
        """Note a step; see `Course`."""
        values = {name: float(value) for name, value in losses.items()}
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * images
        self._images += images
        self._rate = rate
        done = self.state.images + self._images
        self._observer.on_step(done, max(round(done / self.progress(epoch)), done), sum(values.values()))
        self.stop_if_requested()
        return not self._out_of_time()

    def stop_if_requested(self) -> None:
        """Raise `RunInterruptedError` if a stop was requested."""
        if self._observer.stop_requested():
            raise RunInterruptedError(
                f"stopped in epoch {self.state.epoch + 1}, which will restart; continue with: "
                f"python -m engine {self._command} --resume {self._folder}"
            )

    def epoch_done(self, result: EpochResult) -> bool:
        """Score an epoch, keep it, and decide whether another one follows; see `Course`."""
        state = self.state
        ap50 = self._scored(result)
        state.epoch += 1
        state.images += self._images
        better = self._alteration is None and ap50 > state.best_ap50
        if better:
            state.best_ap50, state.best_epoch, state.stale_epochs = ap50, state.epoch, 0
        else:
            state.stale_epochs += 1
        record = self._record(ap50)
        log.info("Epoch %d, loss: %.4f%s", state.epoch, record.loss, _score_text(self._metric, ap50))
        self._plateau.step(record.loss)
        state.plateau = self._plateau.state_dict()
        state.ended = self._end()
        self._keep(result, better=better)
        self._observer.on_epoch(record, state)
        self._begin_epoch()
        return not state.ended

    def _scored(self, result: EpochResult) -> float:
        """AP50 of an epoch's detector; NaN without images held out, and at times where it decides nothing."""
        if self._score is None or (self._alteration is not None and not self._scores.due()):
            return math.nan
        with self._scores.spent():
            return self._score(result.detector, self.stop_if_requested)

    def _begin_epoch(self) -> None:
        self._sums: dict[str, float] = {}
        self._images, self._rate = 0, 0.0

    def _record(self, ap50: float) -> StepRecord:
        """The record of the epoch that has just ended, added to the history."""
        state, images = self.state, max(self._images, 1)
        terms = {name: value / images for name, value in self._sums.items()}
        loss = sum(terms.values())
        if self._score is not None:
            terms[self._metric] = ap50
        state.elapsed_s = self._clock() - self._started_s
        record = StepRecord(
            step=state.epoch,
            iteration=state.epoch,
            loss=loss,
            terms=terms,
            learning_rate=self._rate,
            images=self._images,
            elapsed_s=state.elapsed_s,
        )
        state.history.append(record)
        return record

    def _end(self) -> str:
        if self.state.epoch >= self._config.epochs:
            return "epochs"
        if self._out_of_time():
            return "time limit"
        if 0 < self._config.early_stop <= self.state.stale_epochs:
            return "early stop"
        return ""

    def _keep(self, result: EpochResult, *, better: bool) -> None:
        """Write the best weights at once, and the last ones with a checkpoint when that is due."""
        ended = bool(self.state.ended)
        if not (better or ended or self._checkpoints.due()):
            return
        with self._checkpoints.spent():
            self._write_weights(result, best=better or (ended and not self.state.best_epoch))
            content = state_content(self.state)
            trainer = result.state() | (
                {} if self._alteration is None else {ALTERED: self._alteration.state()}
            )
            checkpoint = {"state": content, "trainer": trainer, "identity": dict(self._identity)}
            write_whole(self._folder / CHECKPOINT, saved(checkpoint))
        self._observer.on_checkpoint(self.state)

    def _write_weights(self, result: EpochResult, *, best: bool) -> None:
        weights = saved({**result.weights(), **self._facts, AP50: _number(self.state.last_ap50)})
        if best:
            write_whole(self._folder / BEST, weights)
        write_whole(self._folder / LAST, weights)

    def _elapsed_s(self) -> float:
        return self._clock() - self._started_s

    def _out_of_time(self) -> bool:
        return bool(self._config.time_limit_s) and self._elapsed_s() >= self._config.time_limit_s

    def _expected(self, epoch: float) -> float:
        """The number of epochs that the training will have, as far as is known after so many."""
        limit_s, spent_s = self._config.time_limit_s, self._elapsed_s()
        if not limit_s or not epoch or spent_s <= 0:
            return float(self._config.epochs)
        return min(max(epoch * limit_s / spent_s, epoch), float(self._config.epochs))


def read_checkpoint(folder: Path) -> tuple[TrainingState, dict[str, Any], dict[str, Any]]:
    """The state, the trainer's state and the identity in a folder's checkpoint, without running code in it.

    Raises:
        StorageError: the checkpoint is missing, damaged or of another version.
    """
    state, (trainer, identity) = read_state(folder, TrainingState, ("trainer", "identity"), what="training")
    return state, trainer, identity


def _score_text(metric: str, score: float) -> str:
    return f", {metric.upper()}: {score:.3f}" if math.isfinite(score) else ""


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
