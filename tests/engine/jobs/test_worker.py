# SPDX-License-Identifier: AGPL-3.0-only
"""How a worker judges a child's end, and that it loads no torch; test_control.py has the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.jobs import queue
from engine.jobs.child import GONE, INTERRUPTED
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.worker import Worker, ending, run_worker
from engine.store.repository import Repository
from tests.engine.jobs.processes import ROOT


@pytest.mark.parametrize(
    ("code", "given", "state", "error"),
    [
        (INTERRUPTED, {"request": "pause"}, "paused", None),
        (-9, {"request": "cancel"}, "cancelled", None),
        (-15, {"stopped": True}, "interrupted", "stopped together with its worker; resume it"),
        (INTERRUPTED, {"may_go_on": True}, "queued", "stopped together with its worker; resume it"),
        (
            -9,
            {},
            "interrupted",
            "its process was killed by SIGKILL: probably the system ran out of memory; resume it",
        ),
        (
            -11,
            {"may_go_on": True},
            "queued",
            "its process was killed by SIGSEGV: probably a fault in a library or a driver; resume it",
        ),
        (GONE, {"last_line": "no answer"}, "interrupted", "its node was lost (no answer); resume it"),
        (GONE, {"may_go_on": True}, "queued", "its node was lost (); resume it"),
        (-1, {}, "interrupted", "its process was killed by SIGHUP: stopped by another program; resume it"),
        (1, {"last_line": "no space"}, "failed", "its process exited with code 1: no space; see its log"),
        (
            3,
            {"may_go_on": True},
            "failed",
            "its process exited with code 3: no output; see its log",
        ),
    ],
)
def test_how_a_child_ended(code: int, given: dict, state: str, error: str | None) -> None:
    known = {"request": None, "may_go_on": False, "stopped": False, "last_line": ""}
    assert ending(code, **(known | given)) == (state, error)


def test_an_idle_worker_comes_and_goes(repository: Repository) -> None:
    worker = Worker(repository, "cpu")
    (listed,) = queue.alive_workers(repository)
    assert listed.device == "cpu"
    worker.run(until_idle=True)
    assert repository.workers.all() == []


def test_a_stopped_worker_claims_nothing(repository: Repository, blocks: Path) -> None:
    job = queue.submit(repository, "import", ImportRequest(source=str(blocks)))
    worker = Worker(repository, "cpu")
    worker.stop()
    worker.run()
    assert repository.jobs.get(job.id).state == "queued"


def test_a_worker_runs_jobs_in_children_and_says_how_they_ended(repository: Repository, blocks: Path) -> None:
    good = queue.submit(repository, "import", ImportRequest(source=str(blocks), name="good"))
    bad = queue.submit(repository, "import", ImportRequest(source=str(blocks / "nothing")))
    after = queue.submit(
        repository, "import", ImportRequest(source=str(blocks), name="after"), waits_for=bad.id
    )
    Worker(repository, "cpu").run(until_idle=True)
    done = repository.jobs.get(good.id)
    assert (done.state, done.progress.phase, done.progress.share) == ("succeeded", "stored", 1)
    assert done.result == {"dataset": "good", "images": 6, "objects": 8, "repairs": {}, "notes": []}
    failed = repository.jobs.get(bad.id)
    assert failed.state == "failed"
    assert f"dataset '{blocks}/nothing': expected a data file" in str(failed.error)
    assert "\n" not in str(failed.error)
    assert repository.jobs.get(after.id).state == "failed"
    assert queue.read_log_tail(good.id)[-1].endswith("Succeeded")
    assert repository.datasets.has("good")


def test_a_child_that_cannot_be_started_is_told(repository: Repository, blocks: Path, own_home: Path) -> None:
    job = queue.submit(repository, "import", ImportRequest(source=str(blocks)))
    (own_home / "jobs").touch()
    Worker(repository, "cpu").run(until_idle=True)
    failed = repository.jobs.get(job.id)
    assert failed.state == "failed"
    assert str(failed.error).startswith("its process could not be started, [Errno 17] File exists: ")
    assert str(failed.error).endswith("; free memory and disk space, then retry")


def test_once_means_one_job(repository: Repository, blocks: Path) -> None:
    jobs = [queue.submit(repository, "import", ImportRequest(source=str(blocks), name=name)) for name in "ab"]
    Worker(repository, "cpu").run(once=True)
    assert [repository.jobs.get(job.id).state for job in jobs] == ["succeeded", "queued"]


def test_a_worker_taken_for_dead_begins_anew(repository: Repository) -> None:
    worker = Worker(repository, "cpu")
    (before,) = repository.workers.all()
    repository.workers.remove(before.id)
    worker.run(until_idle=True)
    assert repository.workers.all() == []


def test_torch_stays_out_of_the_worker() -> None:
    program = "import sys, engine.jobs.worker, engine.jobs.child; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_the_default_is_to_use_what_is_there(monkeypatch: pytest.MonkeyPatch, repository: Repository) -> None:
    seen: list[str] = []
    monkeypatch.setattr("engine.jobs.worker.default_device", lambda: "cpu:5")
    monkeypatch.setattr(Worker, "run", lambda self, **how: seen.append(self._device))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    run_worker(until_idle=True)
    assert seen == ["cpu:5"]
