# SPDX-License-Identifier: AGPL-3.0-only
"""Options become the settings of a training or a hardening; each setting has one."""

from __future__ import annotations

from typing import Any

import click
import pytest

from engine.cli.training_options import (
    defence_training_options,
    hardening_options,
    training_from_options,
    training_options,
)
from engine.config import (
    DefenceTrainingConfig,
    HardeningConfig,
    PlacementConfig,
    ScheduleConfig,
    TrainingConfig,
)
from engine.settings import declared

NEEDED = ["--dataset", "photos", "--weights", "mine.pt"]


def settings_of(*arguments: str) -> TrainingConfig:
    found: list[TrainingConfig] = []

    def note(**options: Any) -> None:
        found.append(training_from_options(options, TrainingConfig))

    click.command()(training_options(note)).main(list(arguments), standalone_mode=False)
    return found[0]


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([], {}),
        (["--class", "car", "--class", "bus"], {"classes": ("car", "bus")}),
        (["--strategy", "scratch", "--epochs", "3"], {"strategy": "scratch", "epochs": 3}),
        (["--time-limit", "9.5", "--include-empty"], {"time_limit_s": 9.5, "include_empty": True}),
        (["--schedule", "step", "--warmup", "2"], {"schedule": ScheduleConfig(kind="step", warmup=2)}),
        (["--learning-rate", "0.01", "--optimizer", "sgd"], {"learning_rate": 0.01, "optimizer": "sgd"}),
    ],
)
def test_options_become_settings(arguments: list[str], changes: dict[str, Any]) -> None:
    assert settings_of(*NEEDED, *arguments) == TrainingConfig(dataset="photos", weights="mine.pt", **changes)


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([], {}),
        (["--class", "car", "--patches", "a.npy", "--patches", "3"], {"patches": ("a.npy", "3")}),
        (["--class", "car", "--learn", "car", "--learn", "bus"], {"classes": ("car", "bus")}),
        (["--class", "car", "--placement-scale", "0.3"], {"placement": PlacementConfig(scale=0.3)}),
    ],
)
def test_options_become_the_settings_of_a_hardening(arguments: list[str], changes: dict[str, Any]) -> None:
    found: list[HardeningConfig] = []

    def note(**options: Any) -> None:
        found.append(training_from_options(options, HardeningConfig))

    click.command()(hardening_options(note)).main([*NEEDED, *arguments], standalone_mode=False)
    named = {"class_name": "car"} if arguments else {}
    assert found == [HardeningConfig(dataset="photos", weights="mine.pt", **named | changes)]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (training_options, TrainingConfig),
        (hardening_options, HardeningConfig),
        (defence_training_options, DefenceTrainingConfig),
    ],
)
def test_every_setting_has_an_option(options: Any, kind: type[TrainingConfig]) -> None:
    command = click.command()(options(lambda **_: None))
    flags = {flag for each in command.params for flag in each.opts}
    assert {each.flag for each in declared(kind).values()} <= flags
