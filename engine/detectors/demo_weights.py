# SPDX-License-Identifier: AGPL-3.0-only
"""The synthetic demo detector's weights, and what is known of them."""

from __future__ import annotations

from engine.detectors.weight_classes import PACKAGED_WEIGHTS

DEMO_WEIGHTS = PACKAGED_WEIGHTS / "demo.pt"
"""The weights in the repository.

Trained in three stages, each starting from the previous weights: 26 epochs of 800 sparser pictures at 320
pixels, 8 of 700 at 384 (seed 1), 10 of 900 at 384 (seed 2). The default length has as many pictures in total.
"""

DEMO_IMAGE_SIZE = 384
"""The side in pixels at which the demo detector was trained and performs best."""

DEMO_DESCRIPTION = (
    "Synthetic demo detector: trained only on street scenes that PatchBench draws, no photographs."
)
"""The field `description` of the weight file."""
