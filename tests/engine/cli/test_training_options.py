# SPDX-License-Identifier: AGPL-3.0-only
"""Options become the settings of a training; each setting has one."""

from __future__ import annotations

from typing import Any

import click
import pytest

from engine.cli.training_options import training_from_options, training_options
from engine.config import ScheduleConfig, TrainingConfig
from engine.settings import declared

NEEDED = ["--dataset", "photos", "--weights", "mine.pt"]


def settings_of(*arguments: str) -> TrainingConfig:
    found: list[TrainingConfig] = []

    def note(**options: Any) -> None:
        found.append(training_from_options(options))

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


def test_every_setting_has_an_option() -> None:
    command = click.command()(training_options(lambda **_: None))
    flags = {flag for each in command.params for flag in each.opts}
    assert {each.flag for each in declared(TrainingConfig).values()} <= flags
