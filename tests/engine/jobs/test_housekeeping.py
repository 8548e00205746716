# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from engine.config import home_folder
from engine.datasets.uploads import unpacked_folder, uploads_folder
from engine.errors import StorageError
from engine.jobs.housekeeping import find_faults, prune_checkpoints, prune_previews, prune_uploads, usage
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.patch_records import import_patch
from engine.jobs.queue import cancel, submit
from engine.records import Dataset, Job
from engine.runs.paths import job_folder, preview_folder
from engine.store.repository import Repository


def write(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def ended(repository: Repository, state: str) -> Job:
    job = repository.jobs.add(kind="generate", label="run", request={})
    claimed = repository.queue.claim("worker", "cpu")
    assert claimed is not None
    if state != "running":
        repository.queue.finish(claimed, state)
    return repository.jobs.get(job.id)


def test_without_results_only_the_database_takes_space(repository: Repository) -> None:
    used = usage(repository)
    assert used.database == used.total > 0
    assert used.jobs == {}
    assert find_faults(repository) == []
    assert prune_checkpoints(repository) == prune_previews(repository) == prune_uploads(repository) == {}


def test_each_part_is_counted_once(repository: Repository) -> None:
    home = home_folder()
    for name, size in (
        *(("jobs/1/patch.npy", 10), ("jobs/2/merged/patch.npy", 20), ("jobs/2.log", 1), ("workers.log", 2)),
        *(("runs/a/patch.npy", 30), ("patches/x/patch.npy", 40), ("previews/k/0.jpg", 50), ("weights/w", 60)),
        *(("uploads/streets-0123456789ab/0.jpg", 70), ("uploads/weights/x.pt", 80)),
    ):
        write(home / name, size)
    used = usage(repository)
    assert list(used.jobs.items()) == [(2, 20), (1, 10)]
    parts = (used.runs, used.patches, used.previews, used.uploads, used.logs, used.other)
    assert parts == (30, 40, 50, 150, 3, 60)
    assert used.total == used.database + 363


def test_checkpoints_go_once_nothing_can_be_resumed(repository: Repository) -> None:
    files = {}
    for state in ("succeeded", "failed", "cancelled", "paused", "interrupted", "running"):
        folder = job_folder(ended(repository, state).id)
        files[state] = [write(folder / name, 5) for name in ("checkpoint.pt", "1/checkpoint.pt", "patch.npy")]
    finished = write(home_folder() / "runs/a/checkpoint.pt", 7)
    write(finished.with_name("run.json"), 1)
    trained = write(home_folder() / "runs/c/checkpoint.pt", 7)
    write(trained.with_name("training.json"), 1)
    open_run = write(home_folder() / "runs/b/checkpoint.pt", 7)
    planned = prune_checkpoints(repository, dry_run=True)
    assert all(path.exists() for path in planned)
    assert prune_checkpoints(repository) == planned
    assert sum(planned.values()) == 3 * 10 + 2 * 7
    left = {state: [path.exists() for path in paths] for state, paths in files.items()}
    gone, kept = [False, False, True], [True, True, True]
    assert left == {
        **dict.fromkeys(("succeeded", "failed", "cancelled"), gone),
        **dict.fromkeys(("paused", "interrupted", "running"), kept),
    }
    assert [path.exists() for path in (finished, trained, open_run)] == [False, False, True]


def test_previews_go_with_their_pictures(repository: Repository) -> None:
    done, waiting = (repository.previews.ask({"wish": wish}).key for wish in (1, 2))
    repository.previews.answer(done, {})
    for key in (done, waiting, "stray"):
        write(preview_folder(key) / "0.jpg", 9)
    assert list(prune_previews(repository, older_than_s=60)) == [preview_folder("stray")]
    assert prune_previews(repository, dry_run=True) == {preview_folder(done): 9}
    assert preview_folder(done).exists()
    assert prune_previews(repository) == {preview_folder(done): 9}
    assert not preview_folder(done).exists()
    assert preview_folder(waiting).exists()


def upload(name: str, size: int, *, age_s: float = 2 * 3600) -> Path:
    """Something among the uploads, as old as that."""
    entry = uploads_folder() / name
    write(entry if entry.suffix else entry / "images/0.jpg", size)
    written_at = time.time() - age_s
    os.utime(entry, (written_at, written_at))
    return entry


def test_uploads_go_that_no_dataset_refers_to(repository: Repository, tmp_path: Path) -> None:
    used = upload("used-0123456789ab", 1)
    repository.datasets.save(
        Dataset(name="used", source=str(used / "data.yaml"), class_names=("person",), images=())
    )
    upload("fresh-0123456789ab", 1, age_s=600)
    upload("weights", 1)
    gone = {upload("deleted-0123456789ab", 20), upload("failed-0123456789ab.zip", 4)}
    gone.add(upload(".killed-0123456789ab.89abcdef", 3))
    assert prune_uploads(repository, older_than_s=3 * 3600) == {}
    planned = prune_uploads(repository, dry_run=True)
    assert (set(planned), sum(planned.values())) == (gone, 27)
    assert all(path.exists() for path in gone)
    assert prune_uploads(repository) == planned
    left = {path.name for path in uploads_folder().iterdir()}
    assert left == {"used-0123456789ab", "fresh-0123456789ab", "weights"}


@pytest.mark.parametrize("uploaded", [True, False])
def test_uploads_stay_while_their_import_may_go_on(
    repository: Repository, tmp_path: Path, uploaded: bool
) -> None:
    archive = upload("streets-0123456789ab.zip", 5) if uploaded else write(tmp_path / "streets.zip", 5)
    unpacked = upload(unpacked_folder(archive).name, 5)
    upload(f".{unpacked.name}.89abcdef", 5)
    job = submit(repository, "import", ImportRequest(source=str(archive)))
    assert prune_uploads(repository) == {}
    cancel(repository, job.id)
    assert unpacked in prune_uploads(repository)


def test_an_upload_that_cannot_be_removed_is_named(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = upload("streets-0123456789ab", 5)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StorageError, match=f"{folder}: cannot be removed, Permission denied"):
        prune_uploads(repository)


def test_what_is_gone_is_named(repository: Repository, tmp_path: Path) -> None:
    job = ended(repository, "succeeded")
    job_folder(job.id).mkdir(parents=True)
    np.save(tmp_path / "p.npy", np.zeros((3, 8, 8), np.float32))
    patch = import_patch(repository, tmp_path / "p.npy")
    assert find_faults(repository) == []
    shutil.rmtree(job_folder(job.id))
    Path(patch.image).unlink()
    first, second = find_faults(repository)
    assert first.startswith(f"job {job.id}: its folder {job_folder(job.id)} is missing")
    assert second.startswith(f"patch {patch.id}: its file {patch.image} is missing")
