# SPDX-License-Identifier: AGPL-3.0-only
"""Runs made in the foreground stand on record like those of the queue."""

from __future__ import annotations

import json

import pytest

from engine.errors import StorageError
from engine.jobs import run_folder
from engine.jobs.foreground import record_foreground_run
from engine.jobs.handlers import generate
from engine.store.repository import Repository


@pytest.fixture
def summary(settings, tmp_path):
    return generate(settings(), tmp_path / "run")


def test_a_run_is_on_record_with_its_steps_its_patch_and_its_score(own_home, summary, tmp_path):
    with Repository() as repository:
        job = record_foreground_run(repository, summary)
        stored = repository.jobs.get(job.id)
        steps = repository.steps.read(job.id)
        patch = repository.patches.of_job(job.id)
        assert repository.queue.claim("w", "cpu") is None
    assert (stored.kind, stored.state, stored.folder) == ("generate", "succeeded", str(tmp_path / "run"))
    assert stored.result == json.loads(json.dumps(summary))
    assert stored.finished_at - stored.started_at >= summary["elapsed_s"]
    assert steps == run_folder.read_history(tmp_path / "run")
    assert len(steps) == summary["steps"]
    assert patch.score.asr == summary["evaluation"]["patch"]["asr"]


def test_a_run_without_its_history_is_named(own_home, summary, tmp_path):
    (tmp_path / "run" / run_folder.HISTORY).unlink()
    with Repository() as repository, pytest.raises(StorageError, match=r"history\.csv: expected the history"):
        record_foreground_run(repository, summary)
