# SPDX-License-Identifier: AGPL-3.0-only
"""What a person sees and can do while a training goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine.cli.training_progress import watching_training
from engine.records import StepRecord
from engine.runs.training_course import TrainingObserver, TrainingState


def told(observer: TrainingObserver, epochs: int) -> None:
    """Epochs as a training makes them."""
    state = TrainingState()
    observer.on_begin(state)
    for epoch in range(1, epochs + 1):
        state.epoch = epoch
        observer.on_step(epoch * 4, epochs * 4, 1.5)
        terms = {"box": 1.0, "ap50": 0.5}
        record = StepRecord(
            step=epoch, iteration=epoch, loss=1.5, terms=terms, learning_rate=0.1, images=4, elapsed_s=epoch
        )
        observer.on_epoch(record, state)


def test_the_bar_counts_images(capsys: pytest.CaptureFixture[str]) -> None:
    with watching_training() as observer:
        told(observer, 2)
        assert not observer.stop_requested()
    assert capsys.readouterr().out == ""


def test_a_signal_asks_it_to_stop() -> None:
    with watching_training() as observer:
        os.kill(os.getpid(), signal.SIGINT)
        assert observer.stop_requested()


def test_tensorboard_gets_every_epoch(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with watching_training(tmp_path) as observer:
        told(observer, 2)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "learning_rate", "terms/box", "terms/ap50"}
    assert [each.step for each in events.Scalars("terms/ap50")] == [1, 2]
