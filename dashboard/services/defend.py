# SPDX-License-Identifier: AGPL-3.0-only
"""What weakens a detector, what was tried against that, and the jobs that try more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.services import defences, generate
from dashboard.services.storage import cached, opened
from engine.classes import words
from engine.config import RunConfig
from engine.jobs.known_attacks import DefenceOutcome, KnownAttack, known_attacks, outcomes, strongest
from engine.records import PatchRecord

__all__ = [
    "DefenceOutcome",
    "DefendedSubject",
    "KnownAttack",
    "adaptive_config",
    "attacks",
    "class_words",
    "detector_of",
    "outcomes",
    "run_s",
    "strongest",
]


@dataclass(frozen=True, kw_only=True)
class DefendedSubject:
    """What is to be protected: a detector, on a dataset's objects of some classes; see `RunConfig`."""

    dataset: str
    weights: str
    class_name: tuple[str, ...]
    detector_class: str = ""


def detector_of(subject: DefendedSubject) -> str:
    """The detector's name, as scores have it."""
    return Path(subject.weights).stem


def class_words(subject: DefendedSubject) -> str:
    """Its classes in words, as scores have them."""
    return words(subject.class_name, subject.detector_class)


@cached(ttl_s=3, max_entries=16)
def attacks(subject: DefendedSubject) -> list[KnownAttack]:
    """All patches on record that were scored on it, behind any defence."""
    with opened() as repository:
        return known_attacks(
            repository,
            dataset=subject.dataset,
            detector=detector_of(subject),
            classes=class_words(subject),
        )


def adaptive_config(patch: PatchRecord | None, subject: DefendedSubject, chain: str) -> RunConfig:
    """The settings of an attack through a defence: with the budget and all else that a patch was made with.

    Args:
        patch: None, or one from elsewhere or of ART, for the defaults.
        subject: what is attacked.
        chain: of defences.

    Raises:
        SettingsError: a setting is out of its range, or a file lies outside the allowed folders.
    """
    changes: dict[str, Any] = vars(subject) | {"defences": defences.steps(chain)}
    made = {} if patch is None else patch.summary.get("config", {})
    if made.get("backend", "native") == "native" and made:
        return generate.held(RunConfig.from_json(made).changed(**changes, further_weights=(), device="auto"))
    return generate.held(RunConfig(**changes))


def run_s(config: RunConfig) -> float | None:
    """About how many seconds such a run takes; without its defences where only that was measured."""
    known = generate.estimate(config) or generate.estimate(config.changed(defences=()))
    return None if known is None else known.elapsed_s
