# SPDX-License-Identifier: AGPL-3.0-only
"""What goes in by the door: whole requests, valid settings, jobs like others; what goes out: all files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import JobError, PatchFileError, SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import queue
from engine.jobs.estimates import Estimate
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.records import Job
from engine.runs.paths import jobs_folder, lock_path
from engine.store.repository import Repository
from tests.engine.store.factories import elsewhere

CONFIG = RunConfig(dataset="demo", weights="demo", seed=7, device="cuda:1")


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened


def test_a_generation_is_queued_whole(repository: Repository, own_home: Path) -> None:
    first = queue.submit(repository, "import", ImportRequest(source="demo"))
    job = queue.submit(
        repository,
        "generate",
        GenerateRequest(config=CONFIG, trust=True, evaluate_after=False),
        label="mine",
        priority=3,
        waits_for=first.id,
        auto_resume=True,
        tags=["a"],
        notes="n",
        estimate={"elapsed_s": 1},
    )
    assert RunConfig.from_json(job.request["config"]) == CONFIG
    assert (job.request["trust"], job.request["evaluate_after"]) == (True, False)
    assert (job.kind, job.label, job.device, job.seed, job.priority) == ("generate", "mine", "cuda:1", 7, 3)
    assert (job.waits_for, job.auto_resume, job.tags, job.notes) == (first.id, True, ("a",), "n")
    assert job.folder == str(own_home / "jobs" / str(job.id)) == str(queue.job_folder(job.id))
    assert job.code_version.startswith("0.")
    assert job.estimate == {"elapsed_s": 1}


def test_paths_are_kept_absolute(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "p.npy", np.zeros((3, 8, 8)))
    (tmp_path / "set").mkdir()
    config = RunConfig(dataset="set", weights="demo")
    scored = queue.submit(
        repository,
        "evaluate",
        EvaluateRequest(config=config, patch="p.npy", settings=EvaluationConfig(iou=0.4)),
    )
    assert scored.request["patch"] == str(tmp_path / "p.npy")
    assert scored.request["config"]["dataset"] == str(tmp_path / "set")
    assert EvaluationConfig.from_json(scored.request["settings"]).iou == 0.4
    assert scored.label == "p · person · demo · set"
    imported = queue.submit(repository, "import", ImportRequest(source="set", images="set"))
    assert (imported.request["source"], imported.request["images"]) == (str(tmp_path / "set"),) * 2
    assert queue.submit(repository, "import", ImportRequest(source="coco128")).request["source"] == "coco128"


def test_a_missing_patch_is_told_unless_it_is_still_to_come(repository: Repository) -> None:
    with pytest.raises(
        PatchFileError, match=r"none.npy: expected a patch file .* found none; check the path"
    ):
        queue.submit(repository, "evaluate", EvaluateRequest(config=CONFIG, patch="none.npy"))
    first = queue.submit(repository, "generate", GenerateRequest(config=CONFIG))
    path = queue.job_folder(first.id) / "patch.npy"
    later = EvaluateRequest(config=CONFIG, patch=str(path))
    assert queue.submit(repository, "evaluate", later, waits_for=first.id).waits_for == first.id


@pytest.mark.parametrize(
    ("suite", "how", "message"),
    [
        ("none", {}, "suite: expected one of"),
        ("floor", {"scale": "tiny"}, "scale: expected one of large, medium, small, got 'tiny'"),
        ("floor", {"seconds": 0}, "seconds: expected 0.1 to 10000000, got 0"),
    ],
)
def test_what_no_benchmark_can_do_is_refused(
    repository: Repository, suite: str, how: dict, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        queue.submit(repository, "benchmark", BenchmarkRequest(suite=suite, config=CONFIG, **how))
    with pytest.raises(SettingsError, match="split: expected one of"):
        queue.submit(repository, "import", ImportRequest(source="demo", split="half"))
    assert repository.jobs.count() == 0


def test_a_benchmark_is_queued(repository: Repository) -> None:
    job = queue.submit(repository, "benchmark", BenchmarkRequest(suite="floor", config=CONFIG, seconds=5))
    assert job.request == {
        "suite": "floor",
        "scale": "small",
        "seconds": 5,
        "seeds": None,
        "config": json.loads(json.dumps(CONFIG.to_json())),
        "trust": False,
    }


def test_control_goes_through(repository: Repository) -> None:
    job = queue.submit(repository, "generate", GenerateRequest(config=CONFIG))
    assert queue.pause(repository, job.id).state == "paused"
    assert queue.resume(repository, job.id).state == "queued"
    assert queue.move(repository, job.id, priority=5).priority == 5
    assert queue.cancel(repository, job.id).state == "cancelled"


@pytest.mark.parametrize(
    ("act", "state"),
    [
        (queue.cancel, "cancelled"),
        (queue.resume, "queued"),
        (lambda repository, job_id: queue.retry(repository, job_id).origin and None, "interrupted"),
        (queue.delete, "interrupted"),
    ],
    ids=["cancel", "resume", "retry", "delete"],
)
def test_a_job_whose_worker_is_gone_can_be_controlled(
    repository: Repository, act: Callable[..., Job | None], state: str
) -> None:
    job = queue.submit(repository, "import", ImportRequest(source="demo"))
    assert repository.queue.claim("killed", "cpu") is not None
    assert (act(repository, job.id) or repository.jobs.get(job.id)).state == state


def test_a_generation_gets_its_estimate(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert queue.submit(repository, "generate", GenerateRequest(config=CONFIG)).estimate == {}
    known = Estimate(
        elapsed_s=9, low_s=8, high_s=10, peak_memory_bytes=1, disk_bytes=1, measured_at=0, runs=0
    )
    monkeypatch.setattr("engine.jobs.estimates.estimate", lambda *arguments, **options: known)
    assert queue.submit(repository, "generate", GenerateRequest(config=CONFIG)).estimate == known.to_json()


def test_a_retry_is_a_new_job_with_the_same_work(repository: Repository) -> None:
    job = queue.submit(
        repository,
        "generate",
        GenerateRequest(config=CONFIG),
        label="mine",
        tags=["t"],
        priority=2,
        notes="n",
    )
    with pytest.raises(
        JobError, match=f"job {job.id}: expected a job that has ended, got one that is queued"
    ):
        queue.retry(repository, job.id)
    queue.cancel(repository, job.id)
    again = queue.retry(repository, job.id)
    assert (again.origin, again.request, again.label, again.tags) == (job.id, job.request, "mine", ("t",))
    assert (again.priority, again.notes, again.state, again.seed) == (2, "n", "queued", 7)
    assert repository.jobs.get(job.id).state == "cancelled"


def test_a_duplicate_may_differ(repository: Repository) -> None:
    job = queue.submit(repository, "generate", GenerateRequest(config=CONFIG))
    other = queue.duplicate(repository, job.id, seed=8, device="cpu", losses={"object": 2.0})
    assert (other.origin, other.seed, other.device) == (job.id, 8, "cpu")
    assert RunConfig.from_json(other.request["config"]) == CONFIG.changed(
        seed=8, device="cpu", losses={"object": 2.0}
    )
    imported = queue.submit(repository, "import", ImportRequest(source="demo"))
    assert queue.duplicate(repository, imported.id, split="val").request["split"] == "val"
    with pytest.raises(SettingsError, match=f"settings: expected those of job {job.id}, got colour"):
        queue.duplicate(repository, job.id, colour=1)
    with pytest.raises(SettingsError, match="iterations: expected 1 to 1000000, got 0"):
        queue.duplicate(repository, job.id, iterations=0)
    assert repository.jobs.count() == 4


def test_deleting_takes_the_files_along(repository: Repository) -> None:
    jobs = [queue.submit(repository, "generate", GenerateRequest(config=CONFIG)).id for _ in range(2)]
    for job_id in jobs:
        queue.job_folder(job_id).mkdir(parents=True)
        (queue.job_folder(job_id) / "checkpoint.pt").touch()
        queue.log_path(job_id).touch()
        lock_path(job_id).touch()
    queue.delete(repository, jobs[0])
    assert {path.name for path in jobs_folder().iterdir()} == {"2", "2.log", "2.lock"}
    repository.workers.add(elsewhere("w"))
    claimed = repository.queue.claim("w", "cuda:1")
    assert claimed is not None
    with pytest.raises(JobError, match="cancel it first"):
        queue.delete(repository, jobs[1])
    assert (queue.job_folder(jobs[1]) / "checkpoint.pt").exists()
