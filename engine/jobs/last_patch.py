# SPDX-License-Identifier: AGPL-3.0-only
"""Keeps the last live patch of a cancelled generation as its result."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.jobs.patch_records import record_run
from engine.records import Job
from engine.runs.paths import LIVE_ARRAY, LIVE_IMAGE, job_folder
from engine.runs.run_folder import SUMMARY, read_summary, write_summary
from engine.store.repository import Repository

log = logging.getLogger(__name__)


def keep_last_patch(repository: Repository, job: Job) -> None:
    """Turn the live patch of a cancelled generation, if any, into its result and record it.

    A failure is only logged and leaves the live patch: it must not prevent the cancellation.

    Args:
        repository: holds the job.
        job: a cancelled generation.
    """
    folder = job_folder(job.id)
    if not (folder / LIVE_ARRAY).exists():
        return
    try:
        if not (folder / "patch.npy").exists():
            # Renamed, not copied: this works on a full disk, and readers never see half a file.
            os.replace(folder / LIVE_IMAGE, folder / "patch.png")
            os.replace(folder / LIVE_ARRAY, folder / "patch.npy")
        if not (folder / SUMMARY).exists():
            write_summary(folder, _summary(job, folder))
        record_run(repository, job, read_summary(folder))
    except (EngineError, OSError) as error:
        log.warning("The last patch of job %d could not be recorded: %s", job.id, error)


def _summary(job: Job, folder: Path) -> dict[str, Any]:
    """The summary of a run that did not finish."""
    config = job.request["config"]
    return {
        "patch": str(folder / "patch.npy"),
        "config": config,
        "seed": job.seed,
        "dataset": {"name": Path(config["dataset"]).stem},
        "detector": {"name": Path(config["weights"]).stem},
        "device": job.running_on or job.device,
        "steps": job.progress.done if job.progress.unit == "steps" else None,
        "cancelled": True,
    }
