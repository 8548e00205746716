# SPDX-License-Identifier: AGPL-3.0-only
"""What a person sees and can do while a run goes on."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

from engine.cli.progress import evaluation_bar, image_bar, watching
from engine.errors import RunInterruptedError, SettingsError
from engine.patch.state import RunState
from engine.records import StepRecord


def told(observer, steps_an_iteration: int, iterations: int) -> None:
    """Steps as a run makes them."""
    state = RunState(patch_chw=torch.empty(0), iterations=iterations)
    observer.on_begin(state, steps_an_iteration)
    for step in range(1, steps_an_iteration * iterations + 1):
        state.step, state.elapsed_s, state.image_iterations = step, step / 10, 2 * step
        state.iteration, state.steps_in_iteration = divmod(step, steps_an_iteration)
        record = StepRecord(
            step=step,
            iteration=1,
            loss=step / 10,
            terms={"object": 0.5},
            learning_rate=0.03,
            images=2,
            elapsed_s=step / 10,
        )
        observer.on_step(record, state)


def test_a_line_an_iteration_holds_its_mean_loss(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), watching() as observer:
        told(observer, 2, 3)
    assert caplog.messages == [
        "Iteration 1/3, loss: 0.1500",
        "Iteration 2/3, loss: 0.3500",
        "Iteration 3/3, loss: 0.5500",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def signalled_twice() -> None:
        with watching() as observer:
            assert not observer.stop_requested()
            os.kill(os.getpid(), number)
            assert observer.stop_requested()
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        signalled_twice()
    assert signal.getsignal(number) is before


def test_a_signal_while_scoring_says_what_is_kept() -> None:
    with watching() as observer:
        observer.on_evaluated(3)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(
            RunInterruptedError, match="stopped while scoring; the patch is complete and saved"
        ):
            observer.on_evaluated(3)


def test_an_evaluation_is_shown_too() -> None:
    before = signal.getsignal(signal.SIGINT)
    with evaluation_bar() as observer:
        observer.on_evaluated(4)
        assert signal.getsignal(signal.SIGINT) is before
    assert not observer.stop_requested()


def test_images_are_counted_up_to_all() -> None:
    with image_bar() as show:
        for done in (0, 3, 7):
            show(done, 7)


def test_tensorboard_gets_every_step(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with watching(tensorboard_folder=tmp_path) as observer:
        told(observer, 2, 2)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "learning_rate", "terms/object"}
    assert [(event.step, round(event.value, 4)) for event in events.Scalars("loss")] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.3),
        (4, 0.4),
    ]


def test_tensorboard_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with (
        pytest.raises(SettingsError, match="expected the package tensorboard, got none; run: pip install"),
        watching(tensorboard_folder=tmp_path),
    ):
        pass
