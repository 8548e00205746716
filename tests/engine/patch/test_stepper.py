# SPDX-License-Identifier: AGPL-3.0-only
"""Steps: within the range of colours, along the schedule, clipped, and never by what is no number."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.config import ScheduleConfig
from engine.errors import NonFiniteLossError
from engine.patch import stepper as module
from engine.patch.render import circle_mask
from tests.engine.patch.factories import WITHOUT_CHANCE, begin, random_patch, scaler, settings
from tests.fakes import FakeDetector


def test_the_patch_stays_in_the_range_of_colours_and_the_given_one_as_it_was(records):
    patch = random_patch(16, 16)
    given = patch.clone()
    run = begin(records, settings(learning_rate=1.0, optimizer="sign"), patch=patch)
    states = [run.state.patch_chw for _ in run.iterate()]
    assert torch.equal(patch, given)
    assert not patch.requires_grad
    assert all(state.min() == 0 and state.max() == 1 for state in states)
    assert not torch.equal(states[0], states[-1])


def test_the_rate_follows_the_schedule_within_an_iteration(records):
    config = settings(iterations=2, batch_size=4, schedule=ScheduleConfig(kind="cosine"))
    rates = [record.learning_rate / config.learning_rate for record in begin(records, config).iterate()]
    assert rates == pytest.approx([(1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)])


def test_a_plateau_lowers_the_rate(records):
    schedule = ScheduleConfig(kind="plateau", patience=1, gamma=0.5)
    config = settings(iterations=5, batch_size=8, schedule=schedule, learning_rate=1e-6, **WITHOUT_CHANCE)
    rates = [record.learning_rate / config.learning_rate for record in begin(records, config).iterate()]
    assert rates == [1, 1, 1, 0.5, 0.5]


def test_a_circular_patch_changes_only_inside(records):
    config = settings(circular=True, patch_height=24, patch_width=32)
    run = begin(records, config, patch=random_patch(24, 32))
    list(run.iterate())
    changed = run.state.patch_chw != random_patch(24, 32)
    inside = circle_mask(24, 32)
    assert not changed[:, ~inside].any()
    assert changed[:, inside].float().mean() > 0.9


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_the_gradient_is_clipped_by_its_norm(clip, records, gradients):
    config = settings(learning_rate=1.0, batch_size=8)
    gradient, _ = gradients(records, config)
    clipped, _ = gradients(records, config.changed(clip_norm=clip))
    expected = gradient * min(1, clip / gradient.norm())
    torch.testing.assert_close(clipped, expected, rtol=1e-3, atol=1e-7)


def test_a_scaler_changes_nothing_but_the_range(records, monkeypatch):
    config = settings(batch_size=4, accumulate=2, clip_norm=1e-3)  # clipped after it is unscaled
    plain = begin(records, config)
    list(plain.iterate())
    monkeypatch.setattr(module, "make_scaler", scaler)
    run = begin(records, config)
    list(run.iterate())
    assert run.state.scaler["scale"] == 1024
    assert torch.equal(run.state.patch_chw, plain.state.patch_chw)


class FailingDetector(FakeDetector):
    """Gives no number from the given call on."""

    def __init__(self, sound_calls: int) -> None:
        super().__init__()
        self.sound_calls = sound_calls

    def candidates(self, images_nchw, class_id, *, boxes=False):
        self.sound_calls -= 1
        found = super().candidates(images_nchw, class_id, boxes=boxes)
        return found if self.sound_calls >= 0 else replace(found, logits=found.logits * math.nan)


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize("sound_calls", [0, 1, 3])
def test_a_loss_that_is_no_number_stops_before_the_step(sound_calls, records):
    config = settings(losses={"max_confidence": 1.0})
    run = begin(records, config, FailingDetector(sound_calls))
    steps = run.iterate()
    for _ in range(sound_calls):
        next(steps)
    before = run.state.patch_chw.clone()
    with pytest.raises(NonFiniteLossError, match=f"got nan at step {sound_calls + 1}; "):
        next(steps)
    assert run.state.step == len(run.state.history) == sound_calls
    assert torch.equal(run.state.patch_chw, before)
    assert run.state.patch_chw.isfinite().all()


class SpoilingDetector(FakeDetector):
    """Gives sound scores whose gradients are no numbers."""

    def candidates(self, images_nchw, class_id, *, boxes=False):
        found = super().candidates(images_nchw, class_id, boxes=boxes)
        if found.logits.requires_grad:
            found.logits.register_hook(lambda gradient: gradient * math.nan)
        return found


def test_a_gradient_that_is_no_number_stops_before_the_step(records):
    run = begin(records, settings(losses={"max_confidence": 1.0}), SpoilingDetector())
    before = run.state.patch_chw.clone()
    with pytest.raises(
        NonFiniteLossError, match=r"expected a finite gradient, got infinite or NaN values.*at step 1; "
    ):
        next(run.iterate())
    assert torch.equal(run.state.patch_chw, before)
