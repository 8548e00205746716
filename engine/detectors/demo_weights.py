# SPDX-License-Identifier: AGPL-3.0-only
"""The embedded detectors' names and weights, and what is known of them."""

from __future__ import annotations

from pathlib import Path

from engine.detectors.weight_classes import PACKAGED_WEIGHTS

EMBEDDED = ("demo", "demo-rcnn", "demo-yolo11")
"""The names of the embedded detectors, which never name files of users."""


def embedded_file(name: str) -> Path:
    """The file of an embedded detector's weights, which is there once they have been trained."""
    return PACKAGED_WEIGHTS / f"{name}.pt"


def embedded_detectors() -> tuple[str, ...]:
    """The embedded detectors whose weights are there."""
    return tuple(name for name in EMBEDDED if embedded_file(name).is_file())


DEMO_WEIGHTS = embedded_file("demo")
"""The weights in the repository.

Trained in three stages, each starting from the previous weights: 26 epochs of 800 sparser pictures at 320
pixels, 8 of 700 at 384 (seed 1), 10 of 900 at 384 (seed 2). The default length has as many pictures in total.
"""
# Those of `demo-rcnn` are of the 11th epoch of a training that was planned for 50 and cut short after 14, its
# rate lowered sooner from the 10th epoch on; its recipe's length follows from that.

DEMO_IMAGE_SIZE = 384
"""The side in pixels at which the embedded detectors are trained and perform best."""

DEMO_DESCRIPTION = (
    "Synthetic demo detector: trained only on street scenes that PatchBench draws, no photographs."
)
"""The field `description` of the weight files."""
