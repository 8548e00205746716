# SPDX-License-Identifier: AGPL-3.0-only
"""What a job is asked for: settings that the database keeps as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from engine.classes import recorded_words
from engine.config import DefenceTrainingConfig, RunConfig, TrainingConfig
from engine.runs.paths import absolute_config
from engine.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Request(Settings):
    """The base of all requests; a field called `config` holds the settings of a run or a training."""

    REMEDY: ClassVar[str] = "submit the job again"

    @property
    def run_config(self) -> RunConfig | TrainingConfig | DefenceTrainingConfig | None:
        """The settings of a run or a training, if the job has any."""
        return getattr(self, "config", None)

    def absolute(self) -> Self:
        """With absolute paths, which hold from any folder."""
        return self if self.run_config is None else self._with(absolute_config(self.run_config))

    def on(self, device: str) -> Self:
        """With a worker's device; workers called `cpu:0`, `cpu:1` … share the one CPU."""
        if self.run_config is None:
            return self
        return self._with(self.run_config.changed(device="cpu" if device.startswith("cpu") else device))

    def merged(self, changes: Mapping[str, Any], *, whose: str) -> Self:
        """A copy with some settings changed: those of the run, or where there is none the request's own."""
        if self.run_config is None:
            return super().merged(changes, whose=whose)
        return self._with(self.run_config.merged(changes, whose=whose))

    def _with(self, config: RunConfig | TrainingConfig | DefenceTrainingConfig) -> Self:
        fields: dict[str, Any] = {"config": config}
        return replace(self, **fields)


def subject(config: RunConfig, facts: Mapping[str, Any]) -> str:
    """What a job attacks, by names alone, which are read in any language: `person · yolov8n · coco128`.

    Args:
        config: the settings asked for.
        facts: of the result, if there is one: the classes that it turned out to be about.
    """
    named = {"config": vars(config)} | {name: facts[name] for name in ("classes",) if name in facts}
    detectors = " + ".join(Path(weights).stem for weights in config.all_weights)
    behind = f" ({' + '.join(config.defences)})" if config.defences else ""
    return f"{recorded_words(named)} · {detectors}{behind} · {Path(config.dataset).stem}"
