# SPDX-License-Identifier: AGPL-3.0-only
"""Shows a run's progress: a bar, a log line for each iteration, and optionally TensorBoard files."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from engine.errors import RunInterruptedError, SettingsError
from engine.ranks import speaks

if TYPE_CHECKING:
    from engine.patch.state import RunState
    from engine.records import StepRecord
    from engine.runs.generation import Observer

log = logging.getLogger(__name__)


@contextmanager
def watching(tensorboard_folder: Path | None = None) -> Iterator[Observer]:
    """An observer that shows a generation; a first Ctrl-C stops it at a checkpoint, a second one at once.

    Args:
        tensorboard_folder: where to write event files, if anywhere.

    Raises:
        SettingsError: event files are requested, but TensorBoard is not installed.
    """
    from engine.runs.generation import Observer

    with ExitStack() as stack:
        stack.enter_context(logging_redirect_tqdm())
        disable = None if speaks() else True
        bar = stack.enter_context(tqdm(unit="step", dynamic_ncols=True, disable=disable))
        stop_requested = stack.enter_context(interruptible())
        scored = _scoring_bar(stack)

        def scored_unless_stopped(images: int) -> None:
            if stop_requested():
                raise RunInterruptedError(
                    "stopped while scoring; the patch is complete and saved; "
                    "score it with patch evaluate --patch"
                )
            scored(images)

        view = _RunView(bar, stack.enter_context(closing(EventFiles(tensorboard_folder))))
        yield Observer(
            on_begin=view.begin,
            on_step=view.step,
            on_evaluated=scored_unless_stopped,
            stop_requested=stop_requested,
        )


@contextmanager
def evaluation_bar() -> Iterator[Observer]:
    """An observer that shows an evaluation."""
    from engine.runs.generation import Observer

    with ExitStack() as stack:
        stack.enter_context(logging_redirect_tqdm())
        yield Observer(on_evaluated=_scoring_bar(stack))


@contextmanager
def image_bar() -> Iterator[Callable[[int, int], object]]:
    """A function that shows how many images were looked at, of how many."""
    with logging_redirect_tqdm(), tqdm(unit="image", desc="scoring", dynamic_ncols=True, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


class _RunView:
    """Shows steps in the bar, a log line for each iteration, and TensorBoard's scalars."""

    def __init__(self, bar: tqdm[Any], events: EventFiles) -> None:
        self._bar, self._events = bar, events
        self._losses: list[tuple[float, int]] = []

    def begin(self, state: RunState, steps: int) -> None:
        self._events.open()
        self._bar.reset(total=steps * state.iterations)
        self._bar.update(state.step)

    def step(self, record: StepRecord, state: RunState) -> None:
        self._losses.append((record.loss, record.images))
        self._bar.set_postfix_str(
            f"loss {record.loss:.4f}, {state.image_iterations / state.stepping_s:.2f} images/s", refresh=False
        )
        self._bar.update()
        if state.steps_in_iteration == 0:
            self._bar.total = max(round(state.step / state.iteration * state.iterations), state.step)
            images = sum(count for _, count in self._losses)
            loss = sum(value * count for value, count in self._losses) / images
            log.info("Iteration %d/%d, loss: %.4f", state.iteration, state.iterations, loss)
            self._losses.clear()
        self._events.add(record)


def _scoring_bar(stack: ExitStack) -> Callable[[int], object]:
    """A bar that appears with the first scored image."""
    bars: list[tqdm[Any]] = []

    def scored(images: int) -> None:
        if not bars:
            bars.append(
                stack.enter_context(tqdm(unit="image", desc="scoring", dynamic_ncols=True, disable=None))
            )
        bars[0].update(images)

    return scored


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C or SIGTERM was received; a second one ends the program."""
    requested: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        if requested:
            raise KeyboardInterrupt
        requested.append(number)
        log.warning("Stopping after this step; press Ctrl-C again to stop immediately")

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(requested)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class EventFiles:
    """TensorBoard's event files, where any are asked for.

    Args:
        folder: of the run; None for no files.

    Raises:
        SettingsError: they are asked for, but TensorBoard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SettingsError(
                "TensorBoard files: expected the package tensorboard, got none; run: pip install tensorboard"
            ) from error
        self._kind: Any = SummaryWriter

    def open(self) -> None:
        """Create the files; called once the work begins, as a new run's folder must be empty until then."""
        if self._folder is not None and self._writer is None:
            self._writer = self._kind(self._folder / "tensorboard")

    def add(self, record: StepRecord) -> None:
        """Write a record's scalars."""
        if self._writer is not None:
            scalars = {"loss": record.loss, "learning_rate": record.learning_rate}
            scalars |= {f"terms/{name}": value for name, value in record.terms.items()}
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, record.step)

    def close(self) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
