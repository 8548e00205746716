# SPDX-License-Identifier: AGPL-3.0-only
"""Options of commands that train or harden, built from the declarations of settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import click

from engine.cli.run_options import (
    Command,
    Decorator,
    all_options,
    given_settings,
    option_of,
    trust_option,
)
from engine.config import DefenceTrainingConfig, HardeningConfig, TrainingConfig
from engine.settings import declared, flat, nest

Config = TypeVar("Config", TrainingConfig, HardeningConfig, DefenceTrainingConfig)


def training_options(command: Command) -> Command:
    """Add the options of a training, shared by `detector train` and `jobs submit train`."""
    return all_options(command, *_options(TrainingConfig), trust_option)


def hardening_options(command: Command) -> Command:
    """Add the options of a hardening, shared by `detector harden` and `jobs submit harden`."""
    return all_options(command, *_options(HardeningConfig), trust_option)


def defence_training_options(command: Command) -> Command:
    """Add the options of a defence's training, shared by `defence train` and `jobs submit train-defence`."""
    return all_options(command, *_options(DefenceTrainingConfig))


def training_from_options(options: dict[str, Any], kind: type[Config]) -> Config:
    """Build the settings of a training from a command's options.

    Args:
        options: by parameter.
        kind: the class of the settings.

    Raises:
        SettingsError: a setting is out of range, or two are incompatible.
        click.UsageError: dataset or weights are missing.
    """
    settings = declared(kind)  # type: ignore[arg-type]
    needed: dict[str, Any] = {name: "-" for name in ("dataset", "weights") if name in settings}
    for name in needed:
        if not options[name]:
            raise click.UsageError(f"expected --{name}, got none; try --{name} demo")
    defaults = flat(kind(**needed).to_json())
    return kind.from_json(nest(defaults | given_settings(options, settings)))


def _options(kind: type[Config]) -> Iterator[Decorator]:
    return map(option_of, declared(kind).values())  # type: ignore[arg-type]
