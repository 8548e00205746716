# SPDX-License-Identifier: AGPL-3.0-only
"""Paths of the files of jobs and previews, and settings with absolute paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from engine.config import home_folder
from engine.config.subject import SubjectConfig
from engine.detectors.demo_weights import EMBEDDED
from engine.detectors.weight_classes import possible_files
from engine.settings import Settings

LIVE_ARRAY, LIVE_IMAGE = "live.npy", "live.png"
_RESERVED = {"", "grey", "noise", *EMBEDDED}  # these never name files


def jobs_folder() -> Path:
    """The folder of all jobs' folders and logs. Not created."""
    return home_folder() / "jobs"


def job_folder(job_id: int) -> Path:
    """The folder of a job's results."""
    return jobs_folder() / str(job_id)


def log_path(job_id: int) -> Path:
    """The job's log, which is outside its folder to outlive it."""
    return jobs_folder() / f"{job_id}.log"


def lock_path(job_id: int) -> Path:
    """The lock file of the single process that may write into the job's folder."""
    return jobs_folder() / f"{job_id}.lock"


def live_image_path(job_id: int) -> Path | None:
    """The image of the finished patch, otherwise of the live one; None if there is neither."""
    folder = job_folder(job_id)
    return next((folder / name for name in ("patch.png", LIVE_IMAGE) if (folder / name).exists()), None)


def preview_folder(key: str) -> Path:
    """The folder of a preview's pictures."""
    return home_folder() / "previews" / key


def read_log_tail(job_id: int, *, lines: int = 200) -> list[str]:
    """The log's last lines; empty without a log."""
    try:
        with open(log_path(job_id), "rb") as file:
            file.seek(max(file.seek(0, 2) - 400 * lines, 0))
            return [line.decode(errors="replace").rstrip() for line in deque(file, maxlen=lines)]
    except OSError:
        return []


def weight_file(weights: str) -> Path | None:
    """The file or folder of a detector's weights; None for a name that is not downloaded, or without one."""
    return next((path for path in possible_files(weights) if path.exists()), None)


Config = TypeVar("Config", bound=Settings)


def absolute_config(config: Config) -> Config:
    """The settings of a run or a training with absolute paths, valid in any working directory."""
    names = ("dataset", "weights", "detector_classes", "initial", "transfer_weights")
    changes: dict[str, Any] = {
        name: _absolute(getattr(config, name)) for name in names if hasattr(config, name)
    }
    for name in ("further_weights", "patches"):
        if hasattr(config, name):
            changes[name] = tuple(map(_absolute, getattr(config, name)))
    if isinstance(config, SubjectConfig):
        changes["own_detector_classes"] = absolute_classes(config.own_detector_classes, config.all_weights)
    return config.changed(**changes)


def absolute_classes(own: Sequence[str], detectors: Sequence[str]) -> tuple[str, ...]:
    """Classes of single detectors, `NAME@DETECTOR`, with the absolute paths of these."""
    return tuple(
        text.removesuffix(detector) + _absolute(detector)
        for text in own
        for detector in detectors
        if text.endswith(f"@{detector}")
    )


def _absolute(given: str) -> str:
    """The absolute path of what exists; a name stays."""
    path = Path(given).expanduser()
    return str(path.absolute()) if given not in _RESERVED and path.exists() else given
