# SPDX-License-Identifier: AGPL-3.0-only
"""A disk with not a byte free: what frees room works, all else says in one line what is the matter."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import home_folder
from engine.runs.paths import preview_folder
from engine.store import schema
from engine.store.repository import Repository
from tests.engine.store.factories import elsewhere

ROOT = Path(__file__).resolve().parents[3]
KIB = 2**10


def add_job(repository: Repository, label: str) -> None:
    repository.jobs.add(kind="import", label=label, request={"source": "demo"}, seed=0, code_version="test")


def fill_home() -> tuple[Path, Path]:
    """A job, a checkpoint of a run that has ended and a preview's picture; of both the paths."""
    with Repository() as repository:
        repository.jobs.add(
            kind="import", label="waits", request={"source": "demo"}, seed=0, code_version="test"
        )
        key = repository.previews.ask({"wish": 1}).key
        repository.previews.answer(key, {})
    checkpoint, picture = home_folder() / "runs/a/checkpoint.pt", preview_folder(key) / "a.png"
    for path in (checkpoint, picture):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(100 * KIB))
    (checkpoint.parent / "run.json").write_text("{}")
    return checkpoint, picture


@pytest.fixture
def fill_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """PATCHBENCH_HOME on a small disk of its own, and what fills it to the last byte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    monkeypatch.setenv("PATCHBENCH_HOME", str(disk / "home"))

    def fill() -> None:
        with open(disk / "others", "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4 * KIB))

    yield fill
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize("what", ["checkpoints", "previews"])
def test_room_is_made_on_a_disk_without_a_byte(run, fill_disk: Callable[[], None], what: str) -> None:
    checkpoint, picture = fill_home()
    fill_disk()
    used = run("storage", "usage", "--json").json
    assert (used["runs"], used["previews"]) == (100 * KIB + 2, 100 * KIB)
    assert [job["label"] for job in run("jobs", "list", "--json").json] == ["waits"]
    assert set(run("storage", "prune", "--dry-run", "--json").json["removed"]) == {
        str(checkpoint),
        str(picture.parent),
    }
    for command in (["dataset", "list"], ["storage", "vacuum"], ["jobs", "submit", "import", "demo"]):
        assert run(*command).error == (
            f"Error: {home_folder()}/patchbench.db: expected a usable database, "
            "got the disk is full (0.0 MiB free); delete files that you do not need, or free space with: "
            "python -m engine storage prune"
        )
    other = "--no-previews" if what == "checkpoints" else "--no-checkpoints"
    assert run("storage", "prune", other, "--json").json["bytes"] == 100 * KIB
    assert run("dataset", "list").code == 0
    with Repository() as repository:
        assert (repository.previews.get(picture.parent.name) is None) is (what == "previews")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_what_was_written_last_is_seen_though_its_writer_was_killed(
    run, fill_disk: Callable[[], None]
) -> None:
    """It lies in the WAL beside the database, whose index has no room on the disk."""
    fill_home()
    killed = (
        "import os\n"
        "from engine.store.repository import Repository\n"
        "from tests.engine.cli.test_full_disk import add_job\n"
        "add_job(Repository(), 'last')\n"
        "os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", killed], cwd=ROOT, check=False).returncode == 9
    assert Path(f"{schema.database_path()}-wal").stat().st_size
    Path(f"{schema.database_path()}-shm").unlink()  # as after a restart of the machine
    fill_disk()
    assert [job["label"] for job in run("jobs", "list", "--json").json] == ["last", "waits"]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_jobs_of_dead_workers_are_listed_though_that_cannot_be_stored(
    run, fill_disk: Callable[[], None]
) -> None:
    fill_home()
    with Repository() as repository:
        repository.workers.add(replace(elsewhere("gone"), heartbeat_at=0.0))
        repository.queue.claim("gone", "cpu")
    fill_disk()
    listed = run("jobs", "list")
    assert listed.code == 0
    assert "running" in listed.out
    assert "Jobs whose workers have ended may still be listed as running: " in listed.err


@pytest.fixture
def no_room_for_sqlite(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same without a disk: no file may grow to the 32 KiB that SQLite shares between processes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(schema, "free_bytes", lambda path: 0)
    monkeypatch.setattr("engine.disk.free_bytes", lambda path: 0)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20 * KIB, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_room_is_made_where_sqlite_cannot_share_files(run, no_room_for_sqlite: Callable[[], None]) -> None:
    checkpoint, picture = fill_home()
    no_room_for_sqlite()
    assert "got the disk is full (0.0 MiB free); delete" in run("dataset", "list").error
    assert run("storage", "usage", "--json").json["previews"] == 100 * KIB
    assert [job["label"] for job in run("jobs", "list", "--json").json] == ["waits"]
    removed = run("storage", "prune", "--json").json["removed"]
    assert set(removed) == {str(checkpoint), str(picture.parent)}
    assert not checkpoint.exists()
