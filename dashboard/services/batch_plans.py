# SPDX-License-Identifier: AGPL-3.0-only
"""What each way of batching makes of a dataset: how many batches, of which sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

from dashboard.services import datasets
from dashboard.services.storage import cached
from engine.config import BATCHINGS
from engine.datasets.sampling import plan_iteration


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """One iteration over a dataset's images.

    Attributes:
        strategy: one of `engine.config.BATCHINGS`.
        sizes: images a batch → batches of that size.
    """

    strategy: str
    sizes: dict[int, int]

    @property
    def batches(self) -> int:
        """How many there are."""
        return sum(self.sizes.values())

    @property
    def images(self) -> int:
        """How many images they hold together."""
        return sum(size * batches for size, batches in self.sizes.items())

    @property
    def mean(self) -> float:
        """Images a batch; 0 without batches."""
        return self.images / self.batches if self.sizes else 0.0

    @property
    def median(self) -> float:
        """Images of the middle batch; 0 without batches."""
        return median(Counter(self.sizes).elements()) if self.sizes else 0.0


@cached(ttl_s=600, max_entries=32)
def plans(
    name: str,
    imported_at: str,
    class_id: int | tuple[int, ...] | None,
    limit: int,
    sampling: str,
    include_empty: bool,
) -> list[BatchPlan]:
    """The first iteration of each strategy on the images that a run would take.

    Args:
        name, imported_at, class_id: of the dataset and its classes under attack.
        limit: the most images a batch holds.
        sampling: one of `engine.config.SAMPLINGS`.
        include_empty: images without objects take part too.
    """
    counts = datasets.object_counts(name, imported_at, class_id)
    taken = [count for count in counts if count or include_empty]
    return [
        BatchPlan(strategy=strategy, sizes=_sizes(taken, strategy, limit, sampling)) for strategy in BATCHINGS
    ]


def _sizes(counts: list[int], strategy: str, limit: int, sampling: str) -> dict[int, int]:
    batches = plan_iteration(
        counts, strategy=strategy, batch_size=limit, sampling=sampling, seed=0, iteration=0
    )
    return dict(sorted(Counter(map(len, batches)).items()))
