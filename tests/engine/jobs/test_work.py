# SPDX-License-Identifier: AGPL-3.0-only
"""Each kind of job does what its request says, on the worker's device."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import RunInterruptedError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import queue, work
from engine.jobs.work import WORK
from engine.records import JOB_KINDS, Job
from engine.runs.paths import job_folder
from engine.store.repository import Repository

Settings = Callable[..., RunConfig]


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as opened:
        yield opened


def carry_out(repository: Repository, stop: Callable[[], bool] = lambda: False) -> tuple:
    job = repository.queue.claim("w", "cpu:1")
    assert job is not None
    folder = job_folder(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    result = WORK[job.kind](repository, job, folder, stop, lambda: pytest.fail("lost"))
    repository.queue.finish(job, "succeeded", result=result)
    return job, result, folder


def test_every_kind_has_its_work() -> None:
    assert set(WORK) == set(JOB_KINDS)


def test_a_generation_begins_anew_goes_on_and_is_put_on_record(
    repository: Repository, settings: Settings
) -> None:
    queue.submit_generate(repository, settings(device="auto"))
    asked: list[int] = []
    job_folder(1).mkdir(parents=True)
    (job_folder(1) / "half-made").touch()
    with pytest.raises(RunInterruptedError):
        carry_out(repository, stop=lambda: asked.append(1) or len(asked) == 5)
    assert {path.name for path in job_folder(1).iterdir()} == {"checkpoint.pt", "live.npy", "live.png"}
    repository.queue.release(["w"], "gone")
    queue.resume(repository, 1)
    job, summary, folder = carry_out(repository)
    assert (summary["steps"], summary["device"], summary["config"]["device"]) == (12, "cpu", "cpu")
    assert {path.name for path in folder.iterdir()} == {
        *("patch.npy", "patch.png", "run.json", "history.csv", "checkpoint.pt")
    }
    (patch,) = repository.patches.find()
    assert patch.job_id == job.id
    assert len(repository.patches.scores(patch.id)) == 1


def test_an_evaluation_leaves_scores(repository: Repository, settings: Settings, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.full((3, 16, 16), 0.5, dtype=np.float32))
    queue.submit_evaluate(
        repository, settings(), tmp_path / "p.npy", settings=EvaluationConfig(resamples=10, min_score=0.3)
    )
    _, scores, folder = carry_out(repository)
    assert json.loads((folder / "evaluation.json").read_text()) == json.loads(json.dumps(scores))
    assert scores["settings"]["min_score"] == 0.3
    (patch,) = repository.patches.find()
    (score,) = repository.patches.scores(patch.id)
    assert score.job_id == 1
    assert repository.jobs.get(1).progress.unit == "images"


def test_an_import_stores_the_dataset(repository: Repository, blocks: Path) -> None:
    queue.submit_import(repository, blocks, name="mine")
    _, result, _ = carry_out(repository)
    assert (result["dataset"], result["images"], result["objects"]) == ("mine", 6, 8)
    assert len(repository.datasets.load("mine").images) == 6


def test_an_import_stops_where_it_is_told_to(repository: Repository, blocks: Path) -> None:
    queue.submit_import(repository, blocks, name="mine")
    with pytest.raises(RunInterruptedError, match="stopped while reading"):
        carry_out(repository, stop=lambda: True)
    assert not repository.datasets.has("mine")


@pytest.mark.parametrize(
    ("running_on", "device"), [("cpu:2", "cpu"), ("cpu", "cpu"), ("cuda:1", "cuda:1"), (None, "mps")]
)
def test_settings_get_the_workers_device(
    repository: Repository, settings: Settings, running_on: str | None, device: str
) -> None:
    job: Job = queue.submit_generate(repository, settings(device="mps"))
    assert work._config(replace(job, running_on=running_on)).device == device
