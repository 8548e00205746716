# SPDX-License-Identifier: AGPL-3.0-only
"""Disk usage under PATCHBENCH_HOME, pruning of files, and checks for missing ones. No torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import home_folder
from engine.datasets.uploads import upload_of, uploads_folder
from engine.errors import StorageError
from engine.jobs.kinds import KINDS, Kind, kind_of
from engine.records import Job
from engine.runs.paths import job_folder, preview_folder
from engine.store.repository import Repository

_ENDED = ("succeeded", "failed", "cancelled")
_UNFINISHED = ("queued", "running", "paused", "interrupted")
SUMMARIES = ("run.json", "training.json")  # what only finished runs and trainings have
_FRESH_S = 3600.0  # a younger upload may still be about to be imported


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Disk usage in bytes.

    Attributes:
        jobs: job id → size of its folder, the largest first.
        runs: runs outside the queue.
        database, patches, previews, logs: each in total.
        uploads: archives and weights uploaded through the dashboard, and unpacked archives.
        other: everything else, such as weights and downloads.
    """

    jobs: dict[int, int]
    runs: int
    database: int
    patches: int
    previews: int
    uploads: int
    logs: int
    other: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        parts = vars(self) | {"jobs": sum(self.jobs.values())}
        return sum(parts.values())


def usage(repository: Repository) -> Usage:
    """Measure the disk usage of each part."""
    home = home_folder()
    folders = [path for path in _inside(home / "jobs") if path.is_dir() and path.name.isdigit()]
    jobs = {int(folder.name): _bytes_in(folder) for folder in folders}
    logs = sum(_size(path) for path in [*home.glob("*.log"), *home.glob("jobs/*.log")])
    parts = {name: _bytes_in(home / name) for name in ("runs", "patches", "previews", "uploads")}
    database = repository.maintenance.size_bytes()
    counted = sum(jobs.values()) + logs + sum(parts.values())
    inside = Path(str(repository.connection.path)).parent == home
    return Usage(
        jobs=dict(sorted(jobs.items(), key=lambda item: -item[1])),
        database=database,
        logs=logs,
        other=max(_bytes_in(home) - counted - (database if inside else 0), 0),
        **parts,
    )


def prune_checkpoints(repository: Repository, *, dry_run: bool = False) -> dict[Path, int]:
    """Remove the checkpoints of runs that have ended and cannot be resumed.

    Returns:
        File → bytes of all files removed, or with `dry_run` to be removed.

    Raises:
        StorageError: a file cannot be removed.
    """
    resumable = [kind.name for kind in KINDS.things() if kind.checkpoint]
    ended = repository.jobs.find(states=_ENDED, kinds=resumable, limit=-1)
    paths = [path for job in ended for path in _checkpoints(_folder(job), kind_of(job.kind))]
    runs = [
        run for run in _inside(home_folder() / "runs") if any((run / name).exists() for name in SUMMARIES)
    ]
    paths += [path for run in runs for path in _checkpoints(run, KINDS["generate"])]
    sizes = {path: _size(path) for path in paths}
    if not dry_run:
        for path in paths:
            _remove(path)
    return sizes


def prune_previews(
    repository: Repository, *, older_than_s: float = 0.0, dry_run: bool = False
) -> dict[Path, int]:
    """Remove previews last requested that long ago, and folders without a preview in the database.

    Returns:
        Folder → bytes of all folders removed, or with `dry_run` to be removed.
    """
    previews = repository.previews
    gone = previews.old(older_than_s=older_than_s)
    strays = [folder for folder in _inside(home_folder() / "previews") if previews.get(folder.name) is None]
    folders = {*(preview_folder(key) for key in gone), *strays}
    sizes = {folder: _bytes_in(folder) for folder in sorted(folders) if folder.exists()}
    if not dry_run:
        # Files first: on a full disk, removing them frees the space that the database needs.
        for folder in sizes:
            shutil.rmtree(folder, ignore_errors=True)
        previews.forget(gone)
    return sizes


def prune_uploads(
    repository: Repository, *, older_than_s: float = 0.0, dry_run: bool = False
) -> dict[Path, int]:
    """Remove uploaded archives, packed and unpacked, that no dataset or unfinished job uses; weights stay.

    Args:
        repository: holds datasets and jobs.
        older_than_s: keep younger uploads, and in any case those younger than an hour.
        dry_run: remove nothing.

    Returns:
        File or folder → bytes of everything removed, or with `dry_run` to be removed.

    Raises:
        StorageError: a file or folder cannot be removed.
    """
    used = repository.maintenance.datasets_below(uploads_folder())
    for job in repository.jobs.find(states=_UNFINISHED, kinds=KINDS, limit=-1):
        used |= set(kind_of(job.kind).uploads(job.request))
    stems = {name.removesuffix(".zip") for name in used}
    since = time.time() - max(older_than_s, _FRESH_S)
    paths = [
        path
        for path in sorted(_inside(uploads_folder()))
        if upload_of(path) not in {None, *stems} and path.lstat().st_mtime <= since
    ]
    sizes = {path: _bytes_in(path) + _size(path) for path in paths}
    if not dry_run:
        for path in paths:
            _remove(path)
    return sizes


def find_faults(repository: Repository) -> list[str]:
    """Check the database and the files that it refers to; one line for each fault."""
    faults = repository.maintenance.check()
    with_folder = [kind.name for kind in KINDS.things() if kind.keeps_folder]
    for job in repository.jobs.find(states=["succeeded"], kinds=with_folder, limit=-1):
        if not _folder(job).is_dir():
            faults.append(f"job {job.id}: its folder {_folder(job)} is missing; restore it or delete the job")
    for patch in repository.patches.find(limit=-1):
        faults += [
            f"patch {patch.id}: its file {path} is missing; restore it or delete the patch"
            for path in sorted({patch.path, patch.image})
            if not Path(path).is_file()
        ]
    return faults


def _checkpoints(folder: Path, kind: Kind[Any]) -> list[Path]:
    """The checkpoints of a run and of the runs that it was merged from."""
    return [path for name in (kind.checkpoint, f"*/{kind.checkpoint}") for path in folder.glob(name)]


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be removed, {error.strerror or error}; make its folder writable"
        ) from error


def _folder(job: Job) -> Path:
    return Path(job.folder) if job.folder else job_folder(job.id)


def _inside(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _bytes_in(folder: Path) -> int:
    return sum(_size(path) for path in folder.rglob("*"))


def _size(path: Path) -> int:
    """A file's size in bytes; 0 for a folder or a file removed since it was listed."""
    try:
        return path.lstat().st_size if not path.is_dir() or path.is_symlink() else 0
    except OSError:
        return 0
