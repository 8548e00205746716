# SPDX-License-Identifier: AGPL-3.0-only
"""How a run's steps are computed where its settings leave that to a measurement, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to compute steps.

    Attributes:
        precision: `fp32`, `bf16` or `fp16`.
        batch_size: images per batch.
        compiled: whether by torch.compile.
        images_per_s: images whose gradient was computed per second; 0 if that was not measured.
        fault: why it cannot be chosen, such as another loss than in fp32; empty if it can.
    """

    precision: str
    batch_size: int
    compiled: bool
    images_per_s: float = 0.0
    fault: str = ""

    @property
    def way(self) -> tuple[str, int, bool]:
        """What distinguishes it from others."""
        return self.precision, self.batch_size, self.compiled

    def __str__(self) -> str:
        compiled = ", compiled" if self.compiled else ""
        rate = f": {self.images_per_s:.3g} images/s" if self.images_per_s else ""
        fault = f" ({self.fault})" if self.fault else ""
        return f"{self.precision}, batch {self.batch_size}{compiled}{rate}{fault}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen, and from what.

    Attributes:
        chosen: as a run computes its steps.
        candidates: all that were measured, the chosen one among them; empty if nothing was left to measure.
        measured_at: Unix seconds.
        elapsed_s: what measuring took; 0 for an earlier measurement.
        known: whether an earlier measurement decided.
    """

    chosen: Candidate
    candidates: tuple[Candidate, ...] = ()
    measured_at: float = 0.0
    elapsed_s: float = 0.0
    known: bool = False

    @property
    def others(self) -> tuple[Candidate, ...]:
        """The candidates that were not chosen."""
        return tuple(each for each in self.candidates if each.way != self.chosen.way)

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON has it; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """A choice that `to_json` wrote."""
        candidates = tuple(Candidate(**each) for each in values["candidates"])
        return cls(**{**values, "chosen": Candidate(**values["chosen"]), "candidates": candidates})

    def __str__(self) -> str:
        return "; ".join(map(str, (self.chosen, *self.others)))
