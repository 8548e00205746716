# SPDX-License-Identifier: AGPL-3.0-only
"""Limits of a run: time and memory that run out."""

from __future__ import annotations

import math

import pytest
import torch

from engine.config import ScheduleConfig
from engine.errors import MemoryExhaustedError
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from tests.engine.patch.factories import WITHOUT_CHANCE, SmallDetector, begin, settings
from tests.fakes import FakeDetector

# The detectors here count and limit batches.
pytestmark = pytest.mark.usefixtures("whole_batches")


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class SlowDetector(FakeDetector):
    """Takes a second for each batch."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def candidates(self, images_nchw, class_id, *, boxes=False):
        self.clock.now += 1
        return super().candidates(images_nchw, class_id, boxes=boxes)


def test_what_choosing_took_is_part_of_the_time_but_of_no_iteration(records):
    clock, config = Clock(), settings(iterations=9, time_limit_s=18.5)
    state = RunState(patch_chw=torch.zeros(3, 16, 16), iterations=9, elapsed_s=10.0, choosing_s=10.0)
    detector = SlowDetector(clock)
    run = PatchRun(detector, records, config, class_id=0, state=state, batch_size=2, clock=clock)
    history = list(run.iterate())  # two iterations of four steps fit into 8.5 seconds
    assert [step.elapsed_s for step in history] == list(range(11, 19))
    assert state.iterations == 2


@pytest.mark.parametrize(
    ("limit_s", "steps", "iterations"),
    [
        (0, 24, 6),  # four steps of a second each
        (100, 24, 6),
        (2, 2, 6),  # in the middle of the first iteration
        (9, 8, 2),  # two iterations fit, and half a second more
        (4, 4, 1),
    ],
)
def test_a_time_limit_ends_the_run_and_shortens_the_schedule(limit_s, steps, iterations, records):
    clock = Clock()
    config = settings(iterations=6, time_limit_s=limit_s, schedule=ScheduleConfig(kind="cosine"))
    run = begin(records, config, SlowDetector(clock), clock=clock)
    history = list(run.iterate())
    assert len(history) == steps
    assert history[-1].elapsed_s == run.state.elapsed_s == steps
    assert run.state.iterations == iterations
    if steps == 8:
        last = (1 + math.cos(math.pi * 7 / 8)) / 2
        assert history[-1].learning_rate == pytest.approx(config.learning_rate * last)


def test_time_spent_before_counts(records):
    clock = Clock()
    config = settings(iterations=6, time_limit_s=9)
    run = begin(records, config, SlowDetector(clock), clock=clock)
    for _ in range(3):
        next(run.iterate())
    clock.now += 1000  # between the sittings
    again = PatchRun(
        SlowDetector(clock), records, config, state=run.state, batch_size=2, class_id=0, clock=clock
    )
    assert [record.elapsed_s for record in again.iterate()] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("fits", "batches", "limits"),
    [
        (8, [8, 8], []),
        (7, [8, 4, 4, 4, 4], [4]),
        (3, [8, 4, 2, 2, 2, 2, 2, 2, 2, 2], [4, 2]),
        (1, [8, 4, 2] + [1] * 16, [4, 2, 1]),
    ],
)
def test_a_batch_that_does_not_fit_is_halved_and_its_step_repeated(fits, batches, limits, records, gradients):
    detector = SmallDetector(fits)
    config = settings(batch_size=8, learning_rate=1.0, **WITHOUT_CHANCE)
    gradient, run = gradients(records, config, detector=detector)
    whole, expected = gradients(records, config)
    torch.testing.assert_close(gradient, whole, rtol=1e-4, atol=1e-6)
    list(run.iterate())
    assert detector.batches == batches
    assert run.state.batch_limit == (limits[-1] if limits else 0)
    assert run.state.events == [
        {"event": "out of memory", "step": 0, "batch_size": limit} for limit in limits
    ]
    assert [record.images for record in run.state.history] == [8, 8]
    assert run.state.history[0].loss == pytest.approx(expected.state.history[0].loss)


def test_not_even_one_image_fits(records):
    run = begin(records, settings(batch_size=4), SmallDetector(0))
    with pytest.raises(MemoryExhaustedError, match="expected one image of 64x64 px to fit"):
        list(run.iterate())
    assert run.state.step == 0
    assert torch.equal(run.state.patch_chw, torch.full((3, 16, 16), 0.5))


def test_other_errors_of_the_detector_are_passed_on(records):
    run = begin(records, settings(batch_size=4), SmallDetector(2, error=RuntimeError))
    with pytest.raises(RuntimeError, match="out of memory"):
        list(run.iterate())
    assert run.state.events == []


@pytest.mark.parametrize("view_size", [0, 32])
def test_probing_finds_a_batch_size_and_changes_nothing(view_size, records):
    run = begin(records, settings(view_size=view_size, batch_size=0), SmallDetector(4), batch_size=1)
    before = run.state.patch_chw.clone()
    assert run.probe_batch_sizes()[0] in (1, 2, 4)
    assert torch.equal(run.state.patch_chw, before)
    assert run.state.step == run.state.image_iterations == 0
    assert run.state.events == []
