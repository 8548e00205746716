# SPDX-License-Identifier: AGPL-3.0-only
"""What is stored of a training while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from engine.errors import StorageError
from engine.jobs.training_reporting import TrainingReporter
from engine.records import Progress, StepRecord
from engine.runs.training_course import TrainingState


class Memory:
    """A ledger that keeps everything."""

    job_id = 1

    def __init__(self) -> None:
        self.steps: dict[int, StepRecord] = {}
        self.progress: list[Progress] = []
        self.checkpoints = 0
        self.stop = self.full = False

    def stop_requested(self) -> bool:
        return self.stop

    def report(
        self, progress: Progress, *, steps: Iterable[StepRecord] = (), forget_after: int | None = None
    ) -> None:
        if forget_after is not None:
            self.steps = {step: each for step, each in self.steps.items() if step <= forget_after}
        self.steps |= {each.step: each for each in steps}
        self.progress.append(progress)

    def last_step(self) -> int:
        return max(self.steps, default=0)

    def checkpointed(self) -> None:
        if self.full:
            raise StorageError("full")
        self.checkpoints += 1


def record(epoch: int) -> StepRecord:
    return StepRecord(
        step=epoch, iteration=epoch, loss=1.0, terms={}, learning_rate=0.1, images=4, elapsed_s=float(epoch)
    )


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def reporter(now: list[float]) -> Callable[[Memory], TrainingReporter]:
    return lambda ledger: TrainingReporter(ledger, clock=lambda: now[0])  # type: ignore[arg-type]


def test_images_are_told_once_a_second_and_epochs_at_once(
    now: list[float], reporter: Callable[[Memory], TrainingReporter]
) -> None:
    ledger = Memory()
    observer = reporter(ledger).observe()
    observer.on_begin(TrainingState())
    for images in range(1, 41):
        now[0] += 0.1
        observer.on_step(images, 80, 2.0)
    assert 4 <= len(ledger.progress) <= 6
    told = ledger.progress[-1]
    assert (told.phase, told.total, told.unit, told.loss) == ("training", 80, "images", 2.0)
    assert told.rate == pytest.approx(10, rel=0.1)
    observer.on_epoch(record(1), TrainingState(epoch=1))
    assert ledger.steps == {1: record(1)}


@pytest.mark.parametrize(("known", "state"), [(0, 0), (3, 1), (1, 2)], ids=["new", "ahead", "behind"])
def test_stored_epochs_are_matched_to_the_state(
    reporter: Callable[[Memory], TrainingReporter], known: int, state: int
) -> None:
    ledger = Memory()
    ledger.steps = {epoch: record(epoch) for epoch in range(1, known + 1)}
    history = [record(epoch) for epoch in range(1, state + 1)]
    reporter(ledger).observe().on_begin(TrainingState(epoch=state, history=history))
    assert list(ledger.steps.values()) == history


def test_only_new_checkpoints_count_and_a_full_disk_ends_nothing(
    reporter: Callable[[Memory], TrainingReporter],
) -> None:
    ledger = Memory()
    observer = reporter(ledger).observe()
    observer.on_begin(TrainingState(epoch=2))
    for epoch in (2, 3, 3):
        observer.on_checkpoint(TrainingState(epoch=epoch))
    assert ledger.checkpoints == 1
    ledger.full = True
    observer.on_checkpoint(TrainingState(epoch=4))


def test_it_stops_when_asked(reporter: Callable[[Memory], TrainingReporter]) -> None:
    ledger = Memory()
    observer = reporter(ledger).observe()
    observer.on_begin(TrainingState())
    assert not observer.stop_requested()
    ledger.stop = True
    assert observer.stop_requested()
