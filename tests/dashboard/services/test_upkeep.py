# SPDX-License-Identifier: AGPL-3.0-only
"""The disk that PatchBench takes, and how true estimates were."""

from __future__ import annotations

import os

import pytest

from dashboard.services import upkeep
from engine.datasets.uploads import uploads_folder
from engine.store.repository import Repository
from tests.dashboard.homes import fill


@pytest.fixture(autouse=True)
def forget() -> None:
    for each in (upkeep.usage, upkeep.prunable, upkeep.estimate_errors):
        each.clear()


def test_an_empty_home_takes_no_more_than_its_database(own_home: object) -> None:
    used = upkeep.usage()
    assert used.total == used.database > 0
    assert upkeep.prunable() == 0
    assert upkeep.prune() == 0
    assert upkeep.estimate_errors() == []


def test_checkpoints_of_ended_jobs_are_pruned() -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    from engine.jobs import queue

    checkpoint = queue.job_folder(patch.job_id or 0) / "checkpoint.pt"
    checkpoint.write_bytes(b"x" * 1000)
    assert upkeep.prunable() == 1000
    assert upkeep.prune() == 1000
    assert not checkpoint.exists()
    assert upkeep.prunable() == 0


def test_uploads_without_a_dataset_are_pruned() -> None:
    archive = uploads_folder() / "streets-0123456789ab.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"x" * 1000)
    os.utime(archive, (0, 0))
    assert (upkeep.usage().uploads, upkeep.prunable(), upkeep.prune()) == (1000, 1000, 1000)
    assert not archive.exists()
    assert (upkeep.usage().uploads, upkeep.prunable()) == (0, 0)


def test_estimates_are_told_beside_the_truth() -> None:
    with Repository() as repository:
        job_id = fill(repository, runs=1)[0].job_id
        assert job_id is not None
        repository.jobs.edit(job_id, estimate={"elapsed_s": 80.0, "peak_memory_bytes": 10})
        with repository.connection.transaction():
            repository.connection.rows("UPDATE jobs SET attempt = 1")
    ((job, estimated, actual),) = upkeep.estimate_errors()
    assert (job, estimated, actual) == (job_id, 80.0, pytest.approx(90.0))
