# SPDX-License-Identifier: AGPL-3.0-only
"""What is on record against a detector: scores and matrices by defence and attacker. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.classes import own_class, words
from engine.defences.chains import chain_name
from engine.defences.kinds import NONE
from engine.records import PatchRecord
from engine.store.matrices import Matrix, MatrixCell
from engine.store.repository import Repository

MATRICES = 20  # the newest, that are looked through


@dataclass(frozen=True, kw_only=True)
class KnownAttack:
    """A patch on a detector behind a defence, as it was scored.

    Attributes:
        patch: its number on record; None for a file.
        name: of the patch.
        defence: the chain before the detector, `none` for none.
        adaptive: it was made on this detector through this very chain.
        evaluation: from `Evaluation.to_json`.
        ms_per_image, undefended_ms_per_image: see `MatrixCell`; None if they were not measured.
    """

    patch: int | None
    name: str
    defence: str
    adaptive: bool
    evaluation: Mapping[str, Any]
    ms_per_image: float | None = None
    undefended_ms_per_image: float | None = None

    @property
    def left(self) -> float:
        """AP50 under the patch, NaN where it is undefined."""
        value = self.evaluation["patch"].get("ap50")
        return math.nan if value is None else float(value)


@dataclass(frozen=True, kw_only=True)
class DefenceOutcome:
    """What is known of a defence before a detector.

    Attributes:
        unaware: the strongest patch that was not made for both; None if none was tried.
        adaptive: the strongest of those made on this detector through this defence.
    """

    defence: str
    unaware: KnownAttack | None
    adaptive: KnownAttack | None
    ms_per_image: float | None
    undefended_ms_per_image: float | None

    @property
    def controls(self) -> Mapping[str, Any]:
        """Scores of clean images, a grey patch and noise, beside the adaptive attack if there is one."""
        attack = self.adaptive or self.unaware
        return {} if attack is None else attack.evaluation["controls"]


def known_attacks(repository: Repository, *, dataset: str, detector: str, classes: str) -> list[KnownAttack]:
    """All patches that were scored on a detector and a dataset, behind any defence.

    Args:
        repository: holds scores and matrices.
        dataset: its name.
        detector: its name, that of its file without suffix.
        classes: those under attack, as `engine.classes.words` writes them.
    """
    found = [*_scored(repository, dataset, detector, classes)]
    for listed in repository.matrices.find(limit=MATRICES):
        if classes in _asked(listed, detector):
            found += _in_matrix(repository.matrices.get(listed.id), dataset, detector)
    return found


def strongest(attacks: Iterable[KnownAttack]) -> KnownAttack | None:
    """The one that leaves the least AP50; None without any that has a figure."""
    known = [each for each in attacks if not math.isnan(each.left)]
    return min(known, key=lambda each: each.left, default=None)


def outcomes(attacks: Sequence[KnownAttack]) -> list[DefenceOutcome]:
    """What is known of each defence: none first, then that of which the adaptive attacker leaves most.

    Defences that no adaptive attacker tried come last.
    """
    found = [_outcome(name, attacks) for name in dict.fromkeys(each.defence for each in attacks)]

    def rank(outcome: DefenceOutcome) -> tuple[bool, bool, float]:
        adaptive = outcome.adaptive
        return outcome.defence != NONE, adaptive is None, 0.0 if adaptive is None else -adaptive.left

    return sorted(found, key=rank)


def _outcome(defence: str, attacks: Sequence[KnownAttack]) -> DefenceOutcome:
    behind = [each for each in attacks if each.defence == defence]
    timed = [each for each in behind if each.ms_per_image is not None]
    return DefenceOutcome(
        defence=defence,
        unaware=strongest(each for each in behind if not each.adaptive),
        adaptive=strongest(each for each in behind if each.adaptive),
        ms_per_image=timed[-1].ms_per_image if timed else None,
        undefended_ms_per_image=timed[-1].undefended_ms_per_image if timed else None,
    )


def _scored(repository: Repository, dataset: str, detector: str, classes: str) -> Iterator[KnownAttack]:
    for score in repository.patches.scored_on(dataset, detector):
        if score.class_name == classes:
            patch = repository.patches.get(score.patch_id)
            defence = chain_name(score.defences)
            yield KnownAttack(
                patch=patch.id,
                name=patch.name,
                defence=defence,
                adaptive=patch.detector == detector and _made_through(patch) == defence,
                evaluation=score.evaluation,
            )


def _made_through(patch: PatchRecord) -> str | None:
    """The chain that its run attacked; None for one from elsewhere."""
    made = patch.summary.get("config")
    return chain_name(made.get("defences", ())) if made else None


def _asked(matrix: Matrix, detector: str) -> list[str]:
    """The classes in words that a matrix asks a detector for; none if it does not ask that."""
    asked = matrix.request
    name = asked["class_name"]
    names = (name,) if isinstance(name, str) else tuple(name)
    general, own = asked.get("detector_class", ""), asked.get("own_detector_classes", ())
    return [
        words(names, own_class(weights, general, own))
        for weights in asked["detectors"]
        if Path(weights).stem == detector
    ]


def _in_matrix(matrix: Matrix, dataset: str, detector: str) -> Iterator[KnownAttack]:
    for cell in matrix.cells:
        scored = cell.evaluation
        on = Path(cell.subject["detector"]).stem
        if scored and scored["settings"]["dataset"] == dataset and on == detector:
            yield _of_cell(matrix, cell, scored)


def _of_cell(matrix: Matrix, cell: MatrixCell, scored: Mapping[str, Any]) -> KnownAttack:
    patch = matrix.facts["patches"][cell.subject["patch"]]
    times = {name: cell.facts.get(name) for name in ("ms_per_image", "undefended_ms_per_image")}
    return KnownAttack(
        patch=patch.get("id"),
        name=patch["name"],
        defence=cell.subject["defence"],
        adaptive=bool(cell.facts.get("adaptive", cell.facts.get("own"))),
        evaluation=scored,
        **times,
    )
