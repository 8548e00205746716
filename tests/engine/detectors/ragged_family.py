# SPDX-License-Identifier: AGPL-3.0-only
"""A family that is one file (this adapter) and one line in a registry: `DETECTORS.having(RAGGED)`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.detectors.families import DetectorFamily


def load(path: Path, *, device: Any, trust: bool, fuse: bool, architecture: str) -> Any:
    from tests.fakes import RaggedDetector

    detector = RaggedDetector(device=device)
    detector.name = path.stem
    return detector


def published_weights() -> tuple[str, ...]:
    return ("ragged-small.ragged",)


def download_weights(name: str, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    return target


RAGGED = DetectorFamily(
    name="ragged",
    help="Detectors with other candidates in each image.",
    published="ragged-small",
    offered=("ragged-small",),
    losses={"total": "The detector's own training loss", "cls": "Classification part of the training loss"},
    knows=lambda path: path.suffix == ".ragged" and path.is_file(),
    class_names=lambda path: ("person", "car"),
    adapter=lambda: sys.modules[__name__],
    published_classes=("person", "car"),
    architectures=("ragged",),
    layouts=("ragged",),
)
