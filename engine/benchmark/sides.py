# SPDX-License-Identifier: AGPL-3.0-only
"""Names of sides and claimed figures that both the suites and their answers go by."""

from __future__ import annotations

# Batching and precision.
SAVED_BY_GROUPING = "time saved by grouping, batch 8"
CLAIMED_SPEED = {1: 1.0, 2: 1.4, 4: 1.7, 8: 1.8}
CLAIMED_SAVING = 0.23
CLAIMED_BF16 = 1.35  # 30 to 40% faster

VIEWS = ("views", "whole images")  # of the floor
SCALING_AXES = {
    "images": "images",
    "objects": "objects an image",
    "texels": "texels a side",
    "pixels": "pixels a side",
}

CONSUMED, PINNED = "a run's demand", "pinned memory to the device"  # of the loader

ART = "ART, batch 1"

# Merge, sampling, accumulate.
AGREEMENT = "agreement of the groups' patches"
UNIFORM, BALANCED = "uniform", "balanced"
BIG, ACCUMULATED = "batch 32", "4 x batch 8"
TIMES_BIG = "times the speed of batch 32"
DIFFERENCE = "mean difference of the two patches"

# Warm start.
GREY, EARLIER = "grey", "an earlier patch"
TARGET, MAKING = "the score to reach", "making the earlier patch"
SHORTER = "time saved by an earlier patch"
CLAIMED_SHORTER = 0.6  # 50 to 70%

BUDGET_AXES = ("iterations", "images", "texels", "learning rate")
BY_THE_RATE = "s, by the measured rate"
# Device → (images, iterations) → what is claimed, in seconds: the middle of 20 to 30 minutes and 30 to 50
# hours on a CPU, of 2 to 3 minutes and 3 to 4 hours on a GPU.
CLAIMED_S = {
    "cpu": {(10, 50): 25 * 60.0, (100, 500): 40 * 3600.0},
    "cuda": {(10, 50): 2.5 * 60, (100, 500): 3.5 * 3600},
}

STRENGTH = (  # score → its unit
    ("ap50", "share"),
    ("asr", "share"),
    ("confidence_retained", "share"),
    ("disappearance", "share"),
    ("hallucinations_per_image", "per image"),
)
