# SPDX-License-Identifier: AGPL-3.0-only
"""Histogram of the number of objects per image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.errors import SettingsError


def count_histogram(counts: Iterable[int], *, limit: int) -> dict[str, int]:
    """Count images by number of objects.

    Args:
        counts: objects in each image (`Dataset.object_counts`), of one class or of all.
        limit: lower bound of the last bucket; at least 0.

    Returns:
        Bucket → images, in order, including empty buckets: `0`, `1` … `<limit> and more`.

    Raises:
        SettingsError: the limit is below 0.
    """
    if limit < 0:
        raise SettingsError(f"histogram limit: expected 0 or more, got {limit}")
    images = Counter(min(count, limit) for count in counts)
    buckets = {str(count): images[count] for count in range(limit)}
    return buckets | {f"{limit} and more": images[limit]}
