# SPDX-License-Identifier: AGPL-3.0-only
"""Schedules as tables, and against PyTorch's own where they mean the same."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler

from engine.config import ScheduleConfig
from engine.patch.schedules import Plateau, ScheduleKind, learning_rate_factor
from engine.registries import SCHEDULES


def factors(config: ScheduleConfig, iterations: int, points: list[float]) -> list[float]:
    return [learning_rate_factor(config, point, iterations) for point in points]


@pytest.mark.parametrize(
    ("config", "iterations", "expected"),
    [
        ({"kind": "constant"}, 10, {0: 1, 0.5: 1, 9.9: 1, 10: 1}),
        ({"kind": "plateau"}, 10, {0: 1, 0.5: 1, 9.9: 1, 10: 1}),
        ({"kind": "step", "every": 3, "gamma": 0.1}, 10, {0: 1, 2.9: 1, 3: 0.1, 5.9: 0.1, 6: 0.01, 10: 1e-3}),
        ({"kind": "multi-step"}, 8, {0: 1, 3.9: 1, 4: 0.5, 5.9: 0.5, 6: 0.25, 8: 0.25}),
        ({"kind": "multi-step"}, 5, {2.6: 1, 3: 0.5, 3.8: 0.5, 4: 0.25}),  # not within an iteration
        ({"kind": "multi-step", "milestones": ()}, 5, {0: 1, 5: 1}),
        ({"kind": "exponential", "gamma": 0.9}, 10, {0: 1, 0.9: 1, 1: 0.9, 2.5: 0.81, 10: 0.9**10}),
        ({"kind": "one-cycle"}, 10, {0: 0.04, 1.5: 0.52, 3: 1, 6.5: 0.50005, 10: 1e-4}),
        ({"kind": "cosine"}, 10, {0: 1, 5: 0.5, 10: 0}),
        ({"kind": "cosine", "floor": 0.2}, 10, {0: 1, 5: 0.6, 10: 0.2}),
        ({"kind": "cosine", "cycles": 2}, 8, {0: 1, 2: 0.5, 3.9999: 0, 4: 1, 6: 0.5, 8: 0}),
    ],
)
def test_factors_by_hand(config, iterations, expected):
    found = factors(ScheduleConfig(**config), iterations, list(expected))
    assert found == pytest.approx(list(expected.values()), abs=1e-6)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_warm_up_rises_in_a_line_and_the_schedule_starts_after_it(kind):
    plain, warmed = ScheduleConfig(kind=kind, every=3), ScheduleConfig(kind=kind, every=3, warmup=4)
    rising = factors(warmed, 14, [0, 0.5, 1, 2, 3, 3.5])
    assert rising == pytest.approx([0.1, 0.1, 0.2, 0.4, 0.6, 0.7])
    points = [0, 1.5, 3, 5, 8, 10]
    assert factors(warmed, 14, [point + 4 for point in points]) == factors(plain, 10, points)


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize(("warmup", "iterations"), [(0, 1), (5, 3), (0, 7), (3, 4)])
def test_the_rate_is_never_negative_nor_above_the_full_one(kind, warmup, iterations):
    config = ScheduleConfig(kind=kind, warmup=warmup, cycles=3)
    points = [step / 8 for step in range(8 * iterations + 17)]  # a time limit may end it sooner than a step
    assert all(0 <= factor <= 1 for factor in factors(config, iterations, points))


def torch_factors(make, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("config", "make"),
    [
        ({"kind": "step", "every": 4, "gamma": 0.3}, lambda sgd: lr_scheduler.StepLR(sgd, 4, 0.3)),
        (
            {"kind": "multi-step", "milestones": (0.25, 0.6), "gamma": 0.3},
            lambda sgd: lr_scheduler.MultiStepLR(sgd, [5, 12], 0.3),
        ),
        ({"kind": "exponential", "gamma": 0.9}, lambda sgd: lr_scheduler.ExponentialLR(sgd, 0.9)),
        ({"kind": "cosine", "floor": 0.1}, lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, 20, 0.1)),
        (
            {"kind": "cosine", "cycles": 4},
            lambda sgd: lr_scheduler.CosineAnnealingWarmRestarts(sgd, 5),
        ),
        (  # PyTorch's phases end at the steps 0.3 × 20 and 20: its last step, where ours ends after it
            {"kind": "one-cycle"},
            lambda sgd: lr_scheduler.OneCycleLR(
                sgd, 1.0, total_steps=21, pct_start=7 / 21, div_factor=25, final_div_factor=400
            ),
        ),
    ],
)
def test_factors_are_pytorchs(config, make):
    found = factors(ScheduleConfig(**config), 20, list(range(20)))
    assert found == pytest.approx(torch_factors(make, 20), abs=1e-9)


PLATEAU = ScheduleConfig(kind="plateau", gamma=0.5, patience=2)


@pytest.mark.parametrize(
    ("losses", "factor"),
    [
        ([], 1),
        ([1.0, 1.0, 1.0], 1),
        ([1.0, 1.0, 1.0, 1.0], 0.5),
        ([-5.0, -5.0, -5.0, -5.0], 0.5),
        ([1.0, 0.9, 0.8, 0.7, 0.6], 1),
        ([-1.0, -1.1, -1.2, -1.3, -1.4], 1),
        ([1.0, 2.0, 2.0, 0.5, 2.0, 2.0], 1),
        ([1.0] * 7, 0.25),
    ],
)
def test_a_plateau_lowers_the_rate(losses, factor):
    plateau = Plateau(PLATEAU)
    for loss in losses:
        plateau.step(loss)
    assert plateau.factor == factor


def test_a_plateau_is_without_effect_on_other_schedules():
    plateau = Plateau(ScheduleConfig(kind="cosine", patience=1))
    for _ in range(9):
        plateau.step(1.0)
    assert plateau.factor == 1


@pytest.mark.parametrize("stop", range(8))
def test_a_plateau_goes_on_where_it_was(stop):
    losses = [1.0, 0.8, 0.8, 0.9, 0.8, 0.8, 0.7, 0.7]
    through, before = Plateau(PLATEAU), Plateau(PLATEAU)
    for loss in losses[:stop]:
        before.step(loss)
    after = Plateau(PLATEAU)
    after.load_state_dict(before.state_dict())
    found, expected = [], []
    for position, loss in enumerate(losses):
        through.step(loss)
        if position >= stop:
            after.step(loss)
            found.append(after.factor)
            expected.append(through.factor)
    assert found == expected
    assert expected[-1] == 0.5


def test_a_schedule_from_outside_is_one_like_any_other():
    halves = ScheduleKind(name="halves", help="Half the rate.", shape=lambda config, done, length: 0.5)
    with SCHEDULES.having(halves):
        config = ScheduleConfig(kind="halves", warmup=1)
        assert factors(config, 3, [0, 1, 2.5]) == [0.25, 0.5, 0.5]
