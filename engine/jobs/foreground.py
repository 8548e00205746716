# SPDX-License-Identifier: AGPL-3.0-only
"""Puts a run on record that was made in the foreground, so that it stands beside those of the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.jobs.patch_records import record_run
from engine.jobs.queue import label_of
from engine.jobs.run_folder import read_history
from engine.jobs.version import code_version
from engine.records import Job
from engine.store.repository import Repository

__all__ = ["record_foreground_run"]


def record_foreground_run(repository: Repository, summary: dict[str, Any]) -> Job:
    """Put a finished run on record as a job that has succeeded, with its steps, its patch and its score.

    Args:
        repository: where.
        summary: what the run's `run.json` holds. Its files stay where they are; the patch is copied.

    Raises:
        StorageError: its history cannot be read, or the database cannot be used.
    """
    folder, config = Path(summary["patch"]).parent, summary["config"]
    steps = read_history(folder)
    job = repository.jobs.add_finished(
        kind="generate",
        label=label_of(config),
        request={"config": config, "trust": False, "evaluate_after": "evaluation" in summary},
        device=summary["device"],
        seed=summary["seed"],
        code_version=code_version(),
        folder=str(folder),
        elapsed_s=summary["elapsed_s"] + summary.get("evaluation", {}).get("elapsed_s", 0.0),
        result=summary,
    )
    repository.steps.add(job.id, steps)
    record_run(repository, job, summary)
    return job
