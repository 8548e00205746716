# SPDX-License-Identifier: AGPL-3.0-only
"""Batch plans: which images each batch of an iteration holds. Pure functions of their arguments, no torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from engine.config import BATCHINGS, SAMPLINGS
from engine.errors import SettingsError
from engine.settings import require_choice


def plan_iteration(
    counts: Sequence[int],
    *,
    strategy: str,
    batch_size: int,
    sampling: str,
    seed: int,
    iteration: int,
) -> list[list[int]]:
    """The batches of one iteration, each a list of indices into `counts`.

    A pure function of its arguments: a resumed run gets the same batches without any saved state.

    Args:
        counts: objects in each image, 0 or more.
        strategy: `sequential` (one image a batch), `grouped` (images of one object count, batches of
            min(group, batch_size)) or `ragged` (any counts together).
        batch_size: the most images a batch holds, at least 1; `sequential` ignores it.
        sampling: `uniform` (each image exactly once, shuffled) or `balanced` (drawn with replacement so that
            each object count is equally likely; as many images as there are).
        seed, iteration: at least 0; each pair gives its own order.

    Raises:
        SettingsError: an unknown strategy or sampling, or a number out of its range.
    """
    _check(strategy, batch_size, sampling, seed, iteration)
    rng = np.random.default_rng([seed, iteration])
    draws = _draw(np.asarray(counts, dtype=np.int64), sampling, rng)
    if strategy == "sequential":
        return [[index] for index in draws]
    if strategy == "grouped":
        groups = _grouped(draws, [counts[index] for index in draws])
    else:
        groups = [draws] if draws else []
    batches = [batch for group in groups for batch in _fill(group, batch_size)]
    return [batches[position] for position in rng.permutation(len(batches))]


def growing_batch_size(initial: int, iteration: int, limit: int) -> int:
    """The batch size of an iteration: min(initial × 2^(iteration // 10), limit), whatever the iteration.

    Raises:
        SettingsError: `initial` or `limit` below 1, or `iteration` below 0.
    """
    _at_least("initial batch size", initial, 1)
    _at_least("batch size limit", limit, 1)
    _at_least("iteration", iteration, 0)
    doublings = min(iteration // 10, limit.bit_length())  # 2^bit_length already exceeds the limit
    return min(initial << doublings, limit)


def _check(strategy: str, batch_size: int, sampling: str, seed: int, iteration: int) -> None:
    require_choice("batching", strategy, BATCHINGS)
    require_choice("sampling", sampling, SAMPLINGS)
    _at_least("batch size", batch_size, 1)
    _at_least("seed", seed, 0)
    _at_least("iteration", iteration, 0)


def _at_least(name: str, value: int, low: int) -> None:
    if value < low:
        raise SettingsError(f"{name}: expected {low} or more, got {value}")


def _draw(counts: np.ndarray, sampling: str, rng: np.random.Generator) -> list[int]:
    """Image indices in the order in which the iteration visits them."""
    if sampling == "uniform" or not len(counts):
        return rng.permutation(len(counts)).tolist()
    _, group_of, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    chance = 1.0 / (len(sizes) * sizes[group_of])
    return rng.choice(len(counts), size=len(counts), p=chance / chance.sum()).tolist()


def _grouped(indices: Sequence[int], keys: Sequence[int]) -> list[list[int]]:
    """The indices of each key, keys and indices in the order in which they first appear."""
    groups: dict[int, list[int]] = defaultdict(list)
    for index, key in zip(indices, keys, strict=True):
        groups[key].append(index)
    return list(groups.values())


def _fill(group: list[int], batch_size: int) -> list[list[int]]:
    """Cut a group into batches."""
    return [group[start : start + batch_size] for start in range(0, len(group), batch_size)]
