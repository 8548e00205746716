# SPDX-License-Identifier: AGPL-3.0-only
"""Where files of jobs and previews lie, and settings whose paths hold from anywhere."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from engine.config import RunConfig, home_folder

LIVE_ARRAY, LIVE_IMAGE = "live.npy", "live.png"
_RESERVED = {"demo", "grey", "noise"}  # names that mean something else than a file called so


def jobs_folder() -> Path:
    """The folder that holds all jobs' folders and logs. Not created."""
    return home_folder() / "jobs"


def job_folder(job_id: int) -> Path:
    """The folder of a job's results."""
    return jobs_folder() / str(job_id)


def log_path(job_id: int) -> Path:
    """The job's log; it stays when the folder of its results goes."""
    return jobs_folder() / f"{job_id}.log"


def lock_path(job_id: int) -> Path:
    """The file that the one process locks that may write into the job's folder."""
    return jobs_folder() / f"{job_id}.lock"


def live_image_path(job_id: int) -> Path | None:
    """The picture of the patch as it is now, or as it became; None while there is none."""
    folder = job_folder(job_id)
    return next((folder / name for name in ("patch.png", LIVE_IMAGE) if (folder / name).exists()), None)


def preview_folder(key: str) -> Path:
    """The folder of a preview's pictures."""
    return home_folder() / "previews" / key


def read_log_tail(job_id: int, *, lines: int = 200) -> list[str]:
    """The log's last lines; none where there is no log."""
    try:
        with open(log_path(job_id), "rb") as file:
            file.seek(max(file.seek(0, 2) - 400 * lines, 0))
            return [line.decode(errors="replace").rstrip() for line in deque(file, maxlen=lines)]
    except OSError:
        return []


def absolute_config(config: RunConfig) -> RunConfig:
    """The settings with paths made absolute, so that they hold from whatever folder they are used in."""
    named = {
        name: Path(getattr(config, name)).expanduser()
        for name in ("dataset", "weights", "initial")
        if getattr(config, name) not in _RESERVED
    }
    return config.changed(**{name: str(path.absolute()) for name, path in named.items() if path.exists()})
