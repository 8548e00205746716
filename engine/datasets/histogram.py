# SPDX-License-Identifier: AGPL-3.0-only
"""How many images hold how many objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.errors import SettingsError


def count_histogram(counts: Iterable[int], *, limit: int) -> dict[str, int]:
    """Images by object count.

    Args:
        counts: objects in each image (`Dataset.object_counts`), of one class or of all.
        limit: the last bucket holds this many objects and more; at least 0.

    Returns:
        Bucket → images, in order, empty buckets included: `0`, `1` … `<limit> and more`.

    Raises:
        SettingsError: a limit below 0.
    """
    if limit < 0:
        raise SettingsError(f"histogram limit: expected 0 or more, got {limit}")
    found = Counter(min(count, limit) for count in counts)
    buckets = {str(count): found[count] for count in range(limit)}
    return buckets | {f"{limit} and more": found[limit]}
