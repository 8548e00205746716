# SPDX-License-Identifier: AGPL-3.0-only
"""Keeps the last patch of a generation that was cancelled: what it showed last becomes its result."""

from __future__ import annotations

import os

from engine.jobs.places import LIVE_ARRAY, LIVE_IMAGE, job_folder
from engine.records import Job
from engine.store.repository import Repository

__all__ = ["keep_last_patch"]


def keep_last_patch(repository: Repository, job: Job) -> Job:
    """Turn the live patch of a cancelled generation into its files. Without one nothing happens.

    Args:
        repository: where the job is.
        job: one that was cancelled.

    Returns:
        The job as it is then.
    """
    folder = job_folder(job.id)
    if job.kind != "generate" or not (folder / LIVE_ARRAY).exists():
        return job
    if not (folder / "patch.npy").exists():
        # Renamed, not copied: that works on a full disk too, and a reader sees a whole file or none.
        for live, kept in ((LIVE_IMAGE, "patch.png"), (LIVE_ARRAY, "patch.npy")):
            os.replace(folder / live, folder / kept)
    return repository.jobs.get(job.id)
