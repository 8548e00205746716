# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of an evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from engine.config import PlacementConfig, require_between
from engine.errors import SettingsError

__all__ = ["EvaluationConfig"]


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How a patch is placed and scored; the defaults are the field's conventions.

    Attributes:
        placement: where the patch lies; by default 0.2 × the box's diagonal, raised by 0.1 × its height
            (Thys et al. 2019; T-SEA, Huang et al. 2023).
        min_score: the score from which a detection counts, 0 to 1; AP reads all scores.
        iou: the overlap from which a detection and an object agree, 0.01 to 1; AP has its own.
        batch_size: images a forward pass, 1 to 1024; changes no figure beyond rounding.
        resamples: bootstrap resamples for the intervals, 0 (none) to 100,000.
        seed: of the noise control, of `random` placement and of the bootstrap, at least 0.
    """

    placement: PlacementConfig = field(default_factory=PlacementConfig)
    min_score: float = 0.25
    iou: float = 0.5
    batch_size: int = 8
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        require_between("minimum score", self.min_score, 0, 1)
        require_between("IoU", self.iou, 0.01, 1)
        require_between("evaluation batch size", self.batch_size, 1, 1024)
        require_between("resamples", self.resamples, 0, 100_000)
        require_between("seed", self.seed, 0, 2**63 - 1)

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON has them; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> EvaluationConfig:
        """Settings that `to_json` wrote.

        Raises:
            SettingsError: a setting is unknown, missing or out of its range.
        """
        try:
            placement = dict(settings["placement"])
            placement["position"] = tuple(placement["position"])
            return cls(**settings | {"placement": PlacementConfig(**placement)})
        except (KeyError, TypeError) as error:
            raise SettingsError(
                f"evaluation settings: expected those of this version, got {error}; submit the job anew"
            ) from error
