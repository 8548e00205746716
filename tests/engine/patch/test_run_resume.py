# SPDX-License-Identifier: AGPL-3.0-only
"""Exact resume: a run stopped anywhere and gone on with ends in the same patch, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.config import ScheduleConfig
from engine.patch import stepper as module
from engine.patch.run import PatchRun
from engine.patch.state import RunState, load_checkpoint, save_checkpoint
from engine.records import StepRecord
from tests.engine.patch.factories import (
    WITHOUT_CHANCE,
    SmallDetector,
    photographs,
    random_patch,
    scaler,
    settings,
)
from tests.fakes import FakeDetector

COUNTS = [1, 0, 2, 1, 3]
TOO_LARGE = 5  # a batch size for which these tests' detectors have no memory
KINDS = {
    "pyramid-adam": {"optimizer": "pyramid-adam"},
    "adam": {"optimizer": "adam"},
    "adamw with a cosine": {"optimizer": "adamw", "schedule": ScheduleConfig(kind="cosine", warmup=1)},
    "sign-momentum": {"optimizer": "sign-momentum"},
    "plateau": {
        "schedule": ScheduleConfig(kind="plateau", patience=1, gamma=0.5),
        "learning_rate": 1e-6,  # the loss stands still
        "iterations": 6,
        "batch_size": 8,
        **WITHOUT_CHANCE,
    },
    "growing batches": {"batch_start": 1, "iterations": 11, "batch_size": 2},
    "balanced": {"sampling": "balanced"},
    "accumulated": {"accumulate": 2},
    "grouped": {"batching": "grouped"},
    "sequential": {"batching": "sequential"},
    "circular, all losses": {"circular": True, "losses": {"object": 1.0, "total": 0.1, "tv": 0.1}},
    "views": {"view_size": 32},
    "views of images drawn again and again": {"view_size": 32, "sampling": "balanced", "batch_size": 1},
    "bf16": {"precision": "bf16"},
    "out of memory": {"batch_size": TOO_LARGE},
    "scaler": {},
}


@pytest.fixture
def records(tmp_path):
    return photographs(tmp_path, COUNTS)


def go_on(records, config, state: RunState) -> PatchRun:
    detector = SmallDetector(2) if config.batch_size == TOO_LARGE else FakeDetector()
    return PatchRun(detector, records, config, class_id=0, state=state, batch_size=config.batch_size)


def fresh(config) -> RunState:
    return RunState(patch_chw=random_patch(16, 16), iterations=config.iterations)


def whole(records, config) -> RunState:
    """The state after a run that nothing interrupts."""
    run = go_on(records, config, fresh(config))
    list(run.iterate())
    return run.state


def timeless(history: list[StepRecord]) -> list[StepRecord]:
    return [replace(record, elapsed_s=0) for record in history]


def assert_same_run(found: RunState, expected: RunState) -> None:
    assert torch.equal(found.patch_chw, expected.patch_chw)
    assert timeless(found.history) == timeless(expected.history)
    for name in (
        "step",
        "iteration",
        "steps_in_iteration",
        "image_iterations",
        "batch_limit",
        "events",
        "scaler",
    ):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_stopped_after_every_step_ends_in_the_same_patch(kind, records, tmp_path, monkeypatch):
    if kind == "scaler":
        monkeypatch.setattr(module, "make_scaler", scaler)
    config = settings(**{"iterations": 3, **KINDS[kind]})
    expected = whole(records, config)
    save_checkpoint(tmp_path, fresh(config), {})
    for _ in expected.history:
        state, _ = load_checkpoint(tmp_path)
        run = go_on(records, config, state)
        next(run.iterate())
        save_checkpoint(tmp_path, run.state, {})
    state, _ = load_checkpoint(tmp_path)
    assert list(go_on(records, config, state).iterate()) == []
    assert_same_run(state, expected)
    assert not torch.equal(state.patch_chw, random_patch(16, 16))


@pytest.mark.parametrize("stop", range(7))
def test_a_run_stopped_once_ends_in_the_same_patch(stop, records, tmp_path):
    config = settings(sampling="balanced")
    expected = whole(records, config)
    run = go_on(records, config, fresh(config))
    for _, _ in zip(range(stop), run.iterate(), strict=False):
        pass
    save_checkpoint(tmp_path, run.state, {})
    state, _ = load_checkpoint(tmp_path)
    assert state.step == stop
    again = go_on(records, config, state)
    assert len(list(again.iterate())) == len(expected.history) - stop
    assert_same_run(again.state, expected)


def test_a_run_may_be_left_and_begun_again(records):
    config = settings(iterations=3)
    expected = whole(records, config)
    run = go_on(records, config, fresh(config))
    while steps := [record for _, record in zip(range(2), run.iterate(), strict=False)]:
        assert len(steps) <= 2
    assert_same_run(run.state, expected)


def test_the_plateau_of_these_tests_is_one(records):
    rates = [record.learning_rate for record in whole(records, settings(**KINDS["plateau"])).history]
    assert rates[-1] < rates[0]


def test_the_scale_of_these_tests_grows(records, monkeypatch):
    monkeypatch.setattr(module, "make_scaler", scaler)
    assert whole(records, settings(iterations=3)).scaler["scale"] == 8 * 1024


def test_the_memory_of_these_tests_runs_out(records):
    state = whole(records, settings(**KINDS["out of memory"]))
    assert [event["event"] for event in state.events] == ["out of memory"] * len(state.events)
    assert state.batch_limit == 2
