# SPDX-License-Identifier: AGPL-3.0-only
"""Masks that hide a patch wherever it lies (ObjectSeeker), with certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from engine.detectors.base import Detector


@dataclass(frozen=True, kw_only=True)
class MaskedViews(Settings):
    """How many masks there are, and which of their detections count."""

    lines: int = setting(
        5,
        "Lines",
        "Number of lines in each direction; each costs four detector passes. The paper uses 30.",
        bounds=(1, 50),
    )
    masked_score: float = setting(
        0.6, "Masked score", "Minimum score of detections in masked images.", bounds=(0, 1)
    )
    base_score: float = setting(
        0.25,
        "Base score",
        "Minimum score of detections in the whole image that can explain masked ones.",
        bounds=(0, 1),
    )
    prune_ioa: float = setting(
        0.6,
        "Pruning",
        "A masked detection is explained if this fraction of its area lies inside a detection of the "
        "whole image.",
        bounds=(0.01, 1),
    )


def _apply(detector: Detector, settings: MaskedViews) -> Detector:
    from engine.defences.masked_views import ObjectSeeker

    return ObjectSeeker(
        detector,
        lines=settings.lines,
        masked_score=settings.masked_score,
        base_score=settings.base_score,
        prune_ioa=settings.prune_ioa,
    )


DEFENCES.add(
    DefenceKind(
        name="object-seeker",
        help=(
            "Also detect in masked images, and add detections that the whole image does not explain. "
            "Certifies recall."
        ),
        source="Xiang et al. 2023 (ObjectSeeker)",
        settings=MaskedViews,
        apply=_apply,
    )
)
