# SPDX-License-Identifier: AGPL-3.0-only
"""The choice of anchors and proposals that a two-stage detector's losses look at, from a given generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SeededSampler:
    """Draws as torchvision's `BalancedPositiveNegativeSampler`, but not from torch's global generator.

    Attributes:
        batch_size_per_image: how many to draw in each image, if it has so many.
        positive_fraction: which share of them may be positive, 0 to 1.
        generator: on the CPU.
    """

    batch_size_per_image: int
    positive_fraction: float
    generator: torch.Generator

    def __call__(self, labels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Masks (k_i,) of the positives and of the negatives drawn in each image.

        Args:
            labels: (k_i,) for each image: above 0 for positive, 0 for negative, -1 for neither.
        """
        positives, negatives = [], []
        most = int(self.batch_size_per_image * self.positive_fraction)
        for each in labels:
            positive = self._drawn(each >= 1, most)
            positives.append(positive)
            negatives.append(self._drawn(each == 0, self.batch_size_per_image - int(positive.sum())))
        return positives, negatives

    def _drawn(self, among: Tensor, count: int) -> Tensor:
        """A mask of at most `count` places, drawn among those that are True."""
        places = among.nonzero()[:, 0]
        order = torch.randperm(len(places), generator=self.generator)[:count].to(among.device)
        return torch.zeros_like(among).index_fill(0, places[order], True)
