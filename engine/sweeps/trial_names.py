# SPDX-License-Identifier: AGPL-3.0-only
"""The names of trials' jobs, written and read in one place, so that pages can word them in any language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.settings import declared
from engine.sweeps.space import parse_dimension, variable_settings

_NAME = re.compile(r"Sweep (\d{1,9}), trial (\d{1,9})(?:, seed (\d{1,10}))?: (.+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class TrialName:
    """What a trial's job, and the patch that it makes, are called unless they are renamed.

    Attributes:
        sweep, trial: their numbers, from 1.
        seed: of the job; None where each trial is one job.
        settings: name → value, as the trial has them; at least one.
    """

    sweep: int
    trial: int
    seed: int | None = None
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        """The name as it is stored: `Sweep 1, trial 10: learning_rate 0.03, batch_size 8`."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        words = ", ".join(f"{name} {value_text(value)}" for name, value in self.settings.items())
        return f"Sweep {self.sweep}, trial {self.trial}{seed}: {words}"


def value_text(value: Any) -> str:
    """A value of a trial in a few characters."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


@lru_cache(maxsize=10_000)
def read_trial_name(stored: str) -> TrialName | None:
    """The trial that a stored name tells of; None if it is any other name.

    Args:
        stored: the label of a job, or the name of a patch, of any version.
    """
    found = _NAME.fullmatch(stored)
    settings = _settings(found[4]) if found else None
    if found is None or settings is None:
        return None
    seed = None if found[3] is None else int(found[3])
    return TrialName(sweep=int(found[1]), trial=int(found[2]), seed=seed, settings=settings)


def _settings(words: str) -> dict[str, Any] | None:
    """`learning_rate 0.03, flip on` as settings with typed values; None if it is something else."""
    names = "|".join(map(re.escape, {*declared(RunConfig), *variable_settings()}))
    parts = re.split(rf"(?:^|, )({names}) ", words)
    if parts[0] or len(parts) < 3:
        return None
    return {name: _value(name, text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _value(name: str, text: str) -> Any:
    """A value as the setting has it; the text itself where this version would not take it."""
    try:
        values = parse_dimension(f"{name}={text}").values
    except SettingsError:
        return text
    return values[0] if len(values) == 1 else text
