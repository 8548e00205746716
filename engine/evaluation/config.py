# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from engine.config import PlacementConfig
from engine.settings import Settings, nested, setting

scoring = partial(setting, role="scoring")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Settings):
    """How a patch is placed and scored; the defaults are the field's conventions.

    The placement's are those of Thys et al. 2019 and T-SEA (Huang et al. 2023). The seed is that of the noise
    control, of `random` placement and of the bootstrap.
    """

    TOPIC: ClassVar[str] = "evaluation"
    REMEDY: ClassVar[str] = "submit the job again"

    placement: PlacementConfig = nested(PlacementConfig)
    min_score: float = scoring(
        0.25,
        "Minimum score",
        "Minimum score of a detection. AP and confidence retained use all detections.",
        bounds=(0, 1),
        called="minimum score",
    )
    iou: float = scoring(
        0.5,
        "IoU",
        "Minimum overlap (IoU) for a detection to match an object. AP uses its own thresholds.",
        bounds=(0.01, 1),
        called="IoU",
    )
    batch_size: int = scoring(
        8, "Batch size", "Images per forward pass. Does not affect results beyond rounding.", bounds=(1, 1024)
    )
    resamples: int = scoring(
        1000,
        "Bootstrap resamples",
        "Number of bootstrap resamples for the intervals. 0 disables them.",
        bounds=(0, 100_000),
        called="resamples",
    )
    seed: int = setting(0, "Seed", "Seed for all random choices.", bounds=(0, 2**63 - 1), called="seed")
