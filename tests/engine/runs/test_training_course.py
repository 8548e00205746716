# SPDX-License-Identifier: AGPL-3.0-only
"""When a training ends, how fast it learns, and what it keeps, on a clock that only the test moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import ScheduleConfig, TrainingConfig
from engine.detectors.training import EpochResult, TrainingBatch
from engine.errors import RunInterruptedError, StorageError
from engine.runs.training_course import (
    ALTERED,
    BEST,
    CHECKPOINT,
    LAST,
    TrainingCourse,
    TrainingObserver,
    read_checkpoint,
)
from tests.fakes import FakeDetector


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def course(tmp_path: Path, clock: Clock) -> Callable[..., TrainingCourse]:
    def make(
        scores: list[float] | None = None,
        observer: TrainingObserver | None = None,
        state: Any = None,
        how: Any = None,
        **changes: Any,
    ) -> TrainingCourse:
        given = iter(scores or [])
        small: dict[str, Any] = {"dataset": "blocks", "weights": "demo", "epochs": 4}
        return TrainingCourse(
            TrainingConfig(**small | changes),
            tmp_path,
            score=None if scores is None else lambda detector, stop: next(given),
            facts={"description": "ours"},
            identity={"config": "same"},
            observer=observer or TrainingObserver(),
            state=state,
            clock=clock,
            **how or {},
        )

    return make


def result(number: int = 1) -> EpochResult:
    return EpochResult(
        detector=FakeDetector(),
        weights=lambda: {"model": number},
        state=lambda: {"model": torch.tensor([float(number)])},
    )


def epoch(course: TrainingCourse, clock: Clock, *, seconds: float = 1.0, number: int = 1) -> bool:
    """An epoch of two batches that takes so many seconds; whether it goes on."""
    start = course.epoch
    for done in (0.5, 1.0):
        clock.now += seconds / 2
        losses = {"box": torch.tensor(1.0), "cls": torch.tensor(done)}
        if not course.batch_done(start + done, losses, images=2, rate=0.1):
            break
    return course.epoch_done(result(number))


def test_it_ends_after_its_epochs(
    course: Callable[..., TrainingCourse], clock: Clock, tmp_path: Path
) -> None:
    ran = course(epochs=2)
    assert [epoch(ran, clock), epoch(ran, clock)] == [True, False]
    assert (ran.state.ended, ran.state.images, ran.state.elapsed_s) == ("epochs", 8, 2.0)
    record = ran.state.history[0]
    assert (record.step, record.loss, record.terms) == (1, 1.75, {"box": 1.0, "cls": 0.75})
    assert math.isnan(ran.state.last_ap50)
    # Without a validation the last weights are the best.
    assert torch.load(tmp_path / BEST) == torch.load(tmp_path / LAST)


def test_the_best_weights_are_kept_beside_the_last(
    course: Callable[..., TrainingCourse], clock: Clock, tmp_path: Path
) -> None:
    ran = course([0.2, 0.5, 0.5, 0.1])
    while epoch(ran, clock, number=ran.epoch + 1):
        pass
    assert (ran.state.best_epoch, ran.state.best_ap50, ran.state.last_ap50) == (2, 0.5, 0.1)
    assert torch.load(tmp_path / BEST) == {"model": 2, "description": "ours", "ap50": 0.5}
    assert torch.load(tmp_path / LAST) == {"model": 4, "description": "ours", "ap50": 0.1}


class Altered:
    """An alteration with a state."""

    distillation = 0.0

    def __call__(self, batch: TrainingBatch) -> torch.Tensor:
        return batch.images_nchw

    def state(self) -> dict[str, Any]:
        return {"steps": 7}


def test_with_an_alteration_the_last_weights_are_the_result(
    course: Callable[..., TrainingCourse], clock: Clock, tmp_path: Path
) -> None:
    how = {"alteration": Altered(), "command": "detector harden"}
    ran = course([0.9, 0.5, 0.4, 0.3], how=how)
    while epoch(ran, clock, number=ran.epoch + 1):
        pass
    assert ran.state.best_epoch == 0
    assert torch.load(tmp_path / BEST)["model"] == torch.load(tmp_path / LAST)["model"] == 4
    assert read_checkpoint(tmp_path)[1][ALTERED] == {"steps": 7}
    stopped = course(observer=TrainingObserver(stop_requested=lambda: True), how=how)
    with pytest.raises(RunInterruptedError, match="python -m engine detector harden --resume"):
        epoch(stopped, clock)


@pytest.mark.parametrize(
    ("early_stop", "epochs"), [(0, 4), (1, 2), (2, 3)], ids=["never", "at once", "after two"]
)
def test_it_stops_early(
    course: Callable[..., TrainingCourse], clock: Clock, early_stop: int, epochs: int
) -> None:
    ran = course([0.5, 0.4, 0.3, 0.2], early_stop=early_stop)
    while epoch(ran, clock):
        pass
    assert ran.epoch == epochs
    assert ran.state.ended == ("early stop" if early_stop else "epochs")


def test_time_ends_it_between_two_batches(course: Callable[..., TrainingCourse], clock: Clock) -> None:
    ran = course(epochs=100, time_limit_s=2.5)
    while epoch(ran, clock):
        pass
    assert (ran.epoch, ran.state.ended, clock.now) == (3, "time limit", 2.5)
    assert ran.state.images == 10


@pytest.mark.parametrize(
    ("limit_s", "factors"),
    [(0.0, [1.0, 0.854, 0.5, 0.146, 0.0]), (2.0, [1.0, 0.5, 0.0])],
    ids=["over its epochs", "over its time"],
)
def test_the_schedule_fits_what_there_is(
    course: Callable[..., TrainingCourse], clock: Clock, limit_s: float, factors: list[float]
) -> None:
    ran, found = course(time_limit_s=limit_s), [1.0]
    while epoch(ran, clock):
        found.append(ran.rate_factor(ran.epoch))
    found.append(ran.rate_factor(ran.epoch))
    assert found == pytest.approx(factors, abs=1e-3)


def test_a_plateau_lowers_the_rate(course: Callable[..., TrainingCourse], clock: Clock) -> None:
    ran = course(epochs=9, schedule=ScheduleConfig(kind="plateau", patience=1))
    for _ in range(4):
        epoch(ran, clock)
    assert ran.rate_factor(4.0) == 0.5
    assert (
        course(epochs=9, schedule=ScheduleConfig(kind="plateau", patience=1), state=ran.state).rate_factor(
            4.0
        )
        == 0.5
    )


def test_it_goes_on_from_its_checkpoint(
    course: Callable[..., TrainingCourse], clock: Clock, tmp_path: Path
) -> None:
    ran = course([0.3, 0.2, 0.1, 0.0])
    epoch(ran, clock, number=7)
    state, trainer, identity = read_checkpoint(tmp_path)
    assert (state, float(trainer["model"]), identity) == (ran.state, 7.0, {"config": "same"})
    clock.now = 1000.0
    again = course([0.2, 0.1, 0.0], state=state)
    epoch(again, clock)
    assert again.state.elapsed_s == 2.0
    assert again.state.stale_epochs == 1


def test_checkpoints_take_a_share_of_the_time(
    course: Callable[..., TrainingCourse], clock: Clock, tmp_path: Path
) -> None:
    ran = course(epochs=9)
    slow = EpochResult(
        detector=FakeDetector(), weights=lambda: setattr(clock, "now", clock.now + 1) or {}, state=dict
    )
    kept: list[bool] = []
    for _ in range(3):
        (tmp_path / CHECKPOINT).unlink(missing_ok=True)
        clock.now += 8
        ran.epoch_done(slow)
        kept.append((tmp_path / CHECKPOINT).exists())
    assert kept == [True, False, False]


def test_a_stop_interrupts_and_leaves_the_state(course: Callable[..., TrainingCourse], clock: Clock) -> None:
    stops = iter([False, True])
    ran = course(observer=TrainingObserver(stop_requested=lambda: next(stops)))
    with pytest.raises(RunInterruptedError, match="stopped in epoch 1, which will restart; continue"):
        epoch(ran, clock)
    assert ran.epoch == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a training with a checkpoint.pt, found none"),
        (b"PK", "got a damaged file or one of another version"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(StorageError, match=message):
        read_checkpoint(tmp_path)
