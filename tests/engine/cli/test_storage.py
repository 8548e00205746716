# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import os
from pathlib import Path

from engine.config import home_folder
from engine.store.repository import Repository


def test_usage(run) -> None:
    used = run("storage", "usage", "--json").json
    assert used["jobs"] == {}
    assert used["total"] == used["database"] > 0
    assert run("storage", "usage").out.splitlines()[-1].startswith("total")


def test_prune_says_what_it_would_remove(run) -> None:
    checkpoint = home_folder() / "runs/a/checkpoint.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(bytes(2**20))
    checkpoint.with_name("run.json").write_text("{}")
    told = run("storage", "prune", "--dry-run")
    assert told.out.splitlines() == [str(checkpoint), "1.0 MiB would be freed"]
    assert run("storage", "prune", "--no-checkpoints", "--json").json["removed"] == []
    assert checkpoint.exists()
    assert run("storage", "prune", "--json").json == {
        "dry_run": False,
        "bytes": 2**20,
        "removed": [str(checkpoint)],
    }
    assert not checkpoint.exists()


def test_prune_removes_uploads_that_no_dataset_refers_to(run) -> None:
    archive = home_folder() / "uploads/streets-0123456789ab.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(bytes(2**20))
    assert run("storage", "usage", "--json").json["uploads"] == 2**20
    os.utime(archive, (0, 0))
    assert run("storage", "prune", "--no-uploads", "--json").json["removed"] == []
    told = run("storage", "prune", "--dry-run")
    assert told.out.splitlines() == [str(archive), "1.0 MiB would be freed"]
    assert run("storage", "prune", "--json").json["removed"] == [str(archive)]
    assert not archive.exists()


def test_backup(run, tmp_path: Path) -> None:
    assert run("storage", "backup", str(tmp_path / "copy.db")).code == 0
    with Repository(tmp_path / "copy.db") as copy:
        assert copy.maintenance.check() == []
    assert "got one that exists" in run("storage", "backup", str(tmp_path / "copy.db")).error


def test_check(run, tmp_path: Path) -> None:
    assert run("storage", "check").out == "No problems found.\n"
    with Repository() as repository:
        repository.patches.add(
            name="gone",
            path=str(tmp_path / "gone.npy"),
            image=str(tmp_path / "gone.npy"),
            height=8,
            width=8,
            circular=False,
            sha256="",
        )
    faulty = run("storage", "check", "--json")
    assert faulty.code == 1
    assert faulty.json["faults"] == [
        f"patch 1: its file {tmp_path / 'gone.npy'} is missing; restore it or delete the patch"
    ]


def test_vacuum(run) -> None:
    assert run("storage", "vacuum").out.endswith(" MiB freed\n")


def test_backup_and_vacuum_as_json(run, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run("storage", "backup", str(copy), "--json").json == {"backup": str(copy)}
    assert run("storage", "vacuum", "--json").json["freed_bytes"] >= 0
