# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from engine.config import RunConfig, trusted_weights
from engine.errors import SettingsError
from engine.settings import Settings, nested, setting
from engine.sweeps.space import Space

VALIDATION_SHARE = 0.3  # held out where the settings hold out nothing: what decides must not be trained on
SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("none", "median", "asha")
LOW_IS_BEST = {"asr": False, "smooth": True, "ap50": True, "images_per_s": False}  # objective → direction
SCORES = {"asr": "asr", "smooth": "confidence_retained", "ap50": "ap50"}  # objective → the score it is


@dataclass(frozen=True, kw_only=True)
class SweepRequest(Settings):
    """Runs that differ in some settings, and what tells the better of them."""

    REMEDY: ClassVar[str] = "start a new sweep"

    config: RunConfig = nested(RunConfig)
    trust: bool = trusted_weights()
    vary: tuple[str, ...] = setting(
        ...,
        "Varied settings",
        "A setting and the values to try: NAME=A,B,C, NAME=LOW..HIGH, NAME=LOW..HIGH:log, or NAME for "
        "its usual range; repeatable.",
        kinds=(tuple,),
        metavar="NAME=VALUES",
    )
    trials: int = setting(20, "Trials", "Maximum number of combinations to try.", bounds=(1, 10_000))
    sampler: str = setting(
        "tpe",
        "Search",
        "tpe: learn from earlier trials; random: sample; grid: every combination of the lists.",
        choices=SAMPLERS,
    )
    prune: str = setting(
        "none",
        "Pruning",
        "Stop trials early that fall behind in validation. median: worse than most others; asha: not among "
        "the best quarter (successive halving).",
        choices=PRUNERS,
        bare="median",
    )
    seeds: int = setting(1, "Seeds", "Runs per trial; their mean decides.", bounds=(1, 100))
    objective: str = setting(
        "asr",
        "Objective",
        "Measured on held-out images. asr: highest attack success rate; smooth: lowest confidence "
        "retained, which "
        "resolves small gains; ap50: lowest AP50; images_per_s: fastest run.",
        choices=tuple(LOW_IS_BEST),
    )
    parallel: int = setting(
        1, "Trials at once", "Number of trials queued or running at once. More than one requires "
        "several workers.",
        bounds=(1, 64),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.vary:
            raise SettingsError("vary: expected at least one setting, got none; add --vary learning_rate")
        if self.config.backend != "native" or self.config.merge != "shared":
            raise SettingsError(
                "sweep: expected the native backend and one shared patch, which can be validated on held-out "
                f"images, got {self.config.backend} and {self.config.merge}; leave both out"
            )
        if self.prune != "none" and self.objective not in SCORES:
            raise SettingsError(
                f"prune: expected an objective that is validated during a run, got {self.objective}; "
                "leave --prune out"
            )
        if self.config.seed + self.seeds > 2**32:
            raise SettingsError(
                f"seeds: expected seeds up to {2**32 - 1}, got higher ones; choose a lower --seed"
            )
        if self.objective in SCORES and not self.config.validation_share:
            held_out = self.config.changed(validation_share=VALIDATION_SHARE)
            object.__setattr__(self, "config", held_out)
        space = self.space
        if self.sampler == "grid":
            space.require_lists()

    @property
    def space(self) -> Space:
        """What is varied."""
        return Space.parse(self.vary)

    @property
    def total(self) -> int:
        """How many trials there will be: no more than combinations."""
        size = self.space.size
        return self.trials if size is None else min(self.trials, size)

    @property
    def low_is_best(self) -> bool:
        """Whether the best trial has the lowest value."""
        return LOW_IS_BEST[self.objective]

    def of_trial(self, values: dict[str, Any], seed: int) -> RunConfig:
        """The settings of a run.

        Args:
            values: of the trial, as `space` has them.
            seed: number of the run in its trial, from 0.

        Raises:
            SettingsError: they cannot be combined.
        """
        changed = self.config.merged(self.space.changes(values), whose="a run")
        return changed.changed(seed=self.config.seed + seed)

    def with_config(self, config: RunConfig) -> SweepRequest:
        """The same sweep about other settings."""
        return replace(self, config=config)
