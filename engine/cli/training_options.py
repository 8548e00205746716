# SPDX-License-Identifier: AGPL-3.0-only
"""Options of commands that train or harden detectors, built from the declarations of settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from engine.cli.run_options import all_options, option_of, parameter_name, trust_option
from engine.config import HardeningConfig, TrainingConfig
from engine.settings import declared, flat, nest

Config = TypeVar("Config", bound=TrainingConfig)


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a training, shared by `detector train` and `jobs submit train`."""
    return _with_options(command, TrainingConfig)


def hardening_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a hardening, shared by `detector harden` and `jobs submit harden`."""
    return _with_options(command, HardeningConfig)


def training_from_options(options: dict[str, Any]) -> TrainingConfig:
    """Build the settings of a training from a command's options.

    Raises:
        SettingsError: a setting is out of range, or two are incompatible.
        click.UsageError: dataset or weights are missing.
    """
    return _from_options(options, TrainingConfig)


def hardening_from_options(options: dict[str, Any]) -> HardeningConfig:
    """Build the settings of a hardening from a command's options; see `training_from_options`."""
    return _from_options(options, HardeningConfig)


def _with_options(command: Callable[..., Any], kind: type[TrainingConfig]) -> Callable[..., Any]:
    options = map(option_of, declared(kind).values())  # type: ignore[arg-type]
    return all_options(command, *options, trust_option)


def _from_options(options: dict[str, Any], kind: type[Config]) -> Config:
    for needed in ("dataset", "weights"):
        if not options[needed]:
            raise click.UsageError(f"expected --{needed}, got none; try --{needed} demo")
    # Repeatable options that were not given are empty tuples.
    given = {
        key: options[parameter_name(key)]
        for key in declared(kind)  # type: ignore[arg-type]
        if options.get(parameter_name(key)) not in (None, ())
    }
    return kind.from_json(nest(flat(kind(dataset="-", weights="-").to_json()) | given))
