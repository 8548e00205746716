# SPDX-License-Identifier: AGPL-3.0-only
"""Options of commands that train detectors, built from the declarations of settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from engine.cli.run_options import all_options, option_of, parameter_name
from engine.config import TrainingConfig
from engine.settings import declared, flat, nest

_SETTINGS = declared(TrainingConfig)
_DEFAULTS = flat(TrainingConfig(dataset="-", weights="-").to_json())


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a training, shared by `detector train` and `jobs submit train`."""
    trust = click.option(
        "--trust-weights", is_flag=True, help="Open the weight file whatever code its pickle names."
    )
    return all_options(command, *map(option_of, _SETTINGS.values()), trust)


def training_from_options(options: dict[str, Any]) -> TrainingConfig:
    """Build the settings from a command's options.

    Raises:
        SettingsError: a setting is out of range, or two are incompatible.
        click.UsageError: dataset or weights are missing.
    """
    for needed in ("dataset", "weights"):
        if not options[needed]:
            raise click.UsageError(f"expected --{needed}, got none; try --{needed} demo")
    # Repeatable options that were not given are empty tuples.
    given = {
        key: options[parameter_name(key)]
        for key in _SETTINGS
        if options.get(parameter_name(key)) not in (None, ())
    }
    return TrainingConfig.from_json(nest(_DEFAULTS | given))
