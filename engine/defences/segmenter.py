# SPDX-License-Identifier: AGPL-3.0-only
"""A small trained network that finds patches, which are then painted over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.defences.kinds import DefenceKind
from engine.errors import SettingsError
from engine.registries import DEFENCES
from engine.settings import Settings, setting

if TYPE_CHECKING:
    from engine.detectors.base import Detector

HOW_TO_TRAIN = "train one: python -m engine defence train --dataset D --class C --out DIR"


@dataclass(frozen=True, kw_only=True)
class Segmenter(Settings):
    """The network's weights, and how sure it has to be."""

    weights: str = setting(
        "", "Weights", "The weights.safetensors that `defence train` wrote.", metavar="FILE"
    )
    threshold: float = setting(
        0.5,
        "Threshold",
        "Pixels that belong to a patch with at least this probability are masked.",
        bounds=(0, 1),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights:  # one text for one file, from wherever a job is carried out
            object.__setattr__(self, "weights", str(Path(self.weights).expanduser().absolute()))


def _apply(detector: Detector, settings: Segmenter) -> Detector:
    from engine.defences.defended import Defended
    from engine.defences.patch_finder import PaintOut, load_finder

    if not settings.weights:
        raise SettingsError(f"defence segmenter: expected weights=FILE, got none; {HOW_TO_TRAIN}")
    finder = load_finder(Path(settings.weights)).to(detector.device)
    return Defended(detector, PaintOut(finder, threshold=settings.threshold), called="defence segmenter")


DEFENCES.add(
    DefenceKind(
        name="segmenter",
        help="Find patches with a small network trained here, and mask them with the image's mean colour.",
        source="after Liu et al. 2022 (SAC) and Xu et al. 2023 (PatchZero)",
        settings=Segmenter,
        apply=_apply,
    )
)
