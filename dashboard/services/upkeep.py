# SPDX-License-Identifier: AGPL-3.0-only
"""The disk that PatchBench takes, what may go of it, and how true estimates were."""

from __future__ import annotations

from dashboard.services.storage import cached, opened
from engine.jobs import estimates, housekeeping
from engine.jobs.housekeeping import Usage

_PRUNERS = (housekeeping.prune_checkpoints, housekeeping.prune_previews, housekeeping.prune_uploads)


@cached(ttl_s=60, max_entries=4)
def usage() -> Usage:
    """Bytes on the disk by kind."""
    with opened(on_full_disk=True) as repository:
        return housekeeping.usage(repository)


@cached(ttl_s=60, max_entries=4)
def prunable() -> int:
    """Bytes that `prune` would free."""
    with opened(on_full_disk=True) as repository:
        return sum(size for each in _PRUNERS for size in each(repository, dry_run=True).values())


def prune() -> int:
    """Remove checkpoints of ended jobs, previews, and uploads without a dataset; returns the bytes freed.

    Raises:
        StorageError: the database cannot be used, or a file cannot be removed.
    """
    with opened(on_full_disk=True) as repository:
        freed = sum(size for each in _PRUNERS for size in each(repository).values())
    for cache in (usage, prunable):
        cache.clear()
    return freed


@cached(ttl_s=60, max_entries=4)
def estimate_errors() -> list[tuple[int, float, float]]:
    """Job id, estimated and actual seconds of the finished runs that had an estimate."""
    with opened() as repository:
        return estimates.estimate_errors(repository)
