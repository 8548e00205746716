# SPDX-License-Identifier: AGPL-3.0-only
"""A cancelled run keeps the patch that it showed last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.last_patch import keep_last_patch
from engine.patch.arrays import write_patch_array
from engine.records import Job
from engine.runs.paths import job_folder
from engine.runs.run_folder import read_summary
from engine.store.repository import Repository

Submit = Callable[..., Job]


@pytest.fixture
def submit(repository: Repository) -> Submit:
    def make(live: float | None = 0.25, **changes: object) -> Job:
        config = RunConfig(dataset="demo", weights="demo", **changes)
        job = queue.submit(repository, "generate", GenerateRequest(config=config))
        if live is not None:
            job_folder(job.id).mkdir(parents=True)
            patch = np.full((3, 16, 16), live, dtype=np.float32)
            mask = np.eye(16, dtype=bool) if config.circular else None
            write_patch_array(job_folder(job.id), patch, mask, stem="live")
        return job

    return make


def test_without_a_live_patch_there_is_none(repository: Repository, submit: Submit) -> None:
    assert queue.cancel(repository, submit(live=None).id).state == "cancelled"
    imported = queue.submit(repository, "import", ImportRequest(source="demo"))
    assert queue.cancel(repository, imported.id).state == "cancelled"
    assert repository.patches.count() == 0


@pytest.mark.parametrize("circular", [False, True])
def test_the_live_patch_becomes_the_result(repository: Repository, submit: Submit, circular: bool) -> None:
    job = submit(circular=circular)
    queue.cancel(repository, job.id)
    folder = job_folder(job.id)
    assert {path.name for path in folder.iterdir()} == {"patch.npy", "patch.png", "run.json"}
    assert np.load(folder / "patch.npy").max() == 0.25
    assert read_summary(folder)["cancelled"] is True
    (patch,) = repository.patches.find()
    assert (patch.job_id, patch.circular, patch.name) == (job.id, circular, job.label)
    keep_last_patch(repository, job)
    assert repository.patches.count() == 1


def test_a_finished_patch_is_not_replaced(repository: Repository, submit: Submit) -> None:
    job = submit()
    write_patch_array(job_folder(job.id), np.full((3, 16, 16), 0.75, dtype=np.float32), None)
    keep_last_patch(repository, job)
    assert np.load(job_folder(job.id) / "patch.npy").max() == 0.75


def test_a_damaged_live_patch_does_not_stop_the_cancelling(
    repository: Repository, submit: Submit, caplog: pytest.LogCaptureFixture
) -> None:
    job = submit()
    (job_folder(job.id) / "live.npy").write_bytes(b"")
    assert queue.cancel(repository, job.id).state == "cancelled"
    assert f"The last patch of job {job.id} could not be recorded" in caplog.text
    assert repository.patches.count() == 0
