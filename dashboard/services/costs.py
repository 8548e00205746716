# SPDX-License-Identifier: AGPL-3.0-only
"""What a pass over a dataset costs in batches of different sizes, from what was measured on this device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.services.storage import cached, opened
from engine.config import RunConfig
from engine.jobs.estimates import cost_key
from engine.store.costs import StepCost


@dataclass(frozen=True, kw_only=True)
class PassCost:
    """One pass over the images.

    Attributes:
        elapsed_s: of the steps.
        peak_memory_bytes: of the largest batch measured; on a CPU of the process.
        measured: the batch sizes that it was estimated from; the nearest stands for one not measured.
    """

    elapsed_s: float
    peak_memory_bytes: int
    measured: tuple[int, ...]


def cost_of_pass(config: RunConfig, sizes: Mapping[int, int], limit: int) -> PassCost | None:
    """What batches of these sizes cost together.

    Args:
        config: the run's settings; its batch size and batching do not matter.
        sizes: images a batch → batches.
        limit: the largest batch size that is looked for.

    Returns:
        None if nothing was measured of such settings on this device.
    """
    known = _known(config, limit)
    if not known or not sizes:
        return None
    nearest = {size: min(known, key=lambda other: (abs(other - size), other)) for size in sizes}
    return PassCost(
        elapsed_s=sum(size * batches / known[nearest[size]].images_per_s for size, batches in sizes.items()),
        peak_memory_bytes=max(known[other].peak_memory_bytes for other in nearest.values()),
        measured=tuple(sorted(set(nearest.values()))),
    )


@cached(ttl_s=10, max_entries=32)
def _known(config: RunConfig, limit: int) -> dict[int, StepCost]:
    """Batch size → what was measured with it."""
    with opened() as repository:
        key = cost_key(config.changed(batch_size=limit, batching="ragged"))
        found = {size: repository.costs.get(key | {"batch_size": size}) for size in range(1, limit + 1)}
    return {size: cost for size, cost in found.items() if cost is not None}
