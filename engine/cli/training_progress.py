# SPDX-License-Identifier: AGPL-3.0-only
"""Shows the progress of a training or a hardening: a bar, and optionally TensorBoard files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from engine.cli.progress import EventFiles, interruptible

if TYPE_CHECKING:
    from engine.records import StepRecord
    from engine.runs.hardening import HardeningObserver
    from engine.runs.training_course import TrainingObserver, TrainingState


log = logging.getLogger(__name__)

_PHASES = {
    "attacking": "Trial: generating a new patch",
    "scoring": "Trial: scoring it",
    "training": "Training with patches",
}


@contextmanager
def watching_training(tensorboard_folder: Path | None = None) -> Iterator[TrainingObserver]:
    """An observer that shows a training; a first Ctrl-C stops it after its step, a second one at once.

    Args:
        tensorboard_folder: where to write event files, if anywhere.

    Raises:
        SettingsError: event files are requested, but TensorBoard is not installed.
    """
    from engine.runs.training_course import TrainingObserver

    with ExitStack() as stack:
        stack.enter_context(logging_redirect_tqdm())
        bar = stack.enter_context(tqdm(unit="image", dynamic_ncols=True, disable=None))
        stop_requested = stack.enter_context(interruptible())
        view = _TrainingView(bar, stack.enter_context(closing(EventFiles(tensorboard_folder))))
        yield TrainingObserver(
            on_begin=view.begin, on_step=view.step, on_epoch=view.epoch, stop_requested=stop_requested
        )


@contextmanager
def watching_hardening() -> Iterator[HardeningObserver]:
    """An observer that shows a hardening's training, and says which of its phases begins."""
    from engine.runs.hardening import HardeningObserver

    with watching_training() as observer:
        yield HardeningObserver(
            on_phase=lambda phase: log.info("%s", _PHASES.get(phase, phase)), training=observer
        )


class _TrainingView:
    """Shows images in the bar, and TensorBoard's scalars of each epoch."""

    def __init__(self, bar: tqdm[Any], events: EventFiles) -> None:
        self._bar, self._events = bar, events

    def begin(self, state: TrainingState) -> None:
        self._events.open()
        self._bar.update(state.images)

    def step(self, images: int, expected: int, loss: float) -> None:
        self._bar.total = expected
        self._bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
        self._bar.update(images - self._bar.n)

    def epoch(self, record: StepRecord, state: TrainingState) -> None:
        self._events.add(record)
