# SPDX-License-Identifier: AGPL-3.0-only
"""Batch plans: the images in each batch of an iteration, by pure functions. No torch."""

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

    A pure function of its arguments, which gives a resumed run the same batches without saved state.

    Args:
        counts: objects in each image, 0 or more.
        strategy: `sequential` (one image per batch), `grouped` (images with equally many objects per batch)
            or `ragged` (any images).
        batch_size: maximum number of images per batch, at least 1; ignored by `sequential`.
        sampling: `uniform` (each image exactly once, shuffled) or `balanced` (as many images, drawn with
            replacement, with equal probability of each number of objects).
        seed, iteration: at least 0; each pair gives its own order.

    Raises:
        SettingsError: an unknown strategy or sampling, or a number out of range.
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
    """The batch size of an iteration: min(initial × 2^(iteration // 10), limit).

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
    """Image indices in the order of the iteration."""
    if sampling == "uniform" or not len(counts):
        return rng.permutation(len(counts)).tolist()
    _, group_of, sizes = np.unique(counts, return_inverse=True, return_counts=True)
    weights = 1.0 / (len(sizes) * sizes[group_of])
    return rng.choice(len(counts), size=len(counts), p=weights / weights.sum()).tolist()


def _grouped(indices: Sequence[int], keys: Sequence[int]) -> list[list[int]]:
    """The indices of each key, both in order of first appearance."""
    groups: dict[int, list[int]] = defaultdict(list)
    for index, key in zip(indices, keys, strict=True):
        groups[key].append(index)
    return list(groups.values())


def _fill(group: list[int], batch_size: int) -> list[list[int]]:
    """Cut a group into batches."""
    return [group[start : start + batch_size] for start in range(0, len(group), batch_size)]
