# SPDX-License-Identifier: AGPL-3.0-only
"""The training of a defence in the queue: it is paused, and goes on to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config import DefenceTrainingConfig
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.train_defence import TrainDefence, TrainDefenceRequest
from engine.runs import segmenter_training
from engine.runs.paths import job_folder
from engine.runs.training_course import CHECKPOINT
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut


@pytest.fixture
def request_of(blocks: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(segmenter_training, "ROUND", 1)

    def make(**changes: Any) -> TrainDefenceRequest:
        small: dict[str, Any] = {"image_size": 64, "view_size": 64, "epochs": 2, "batch_size": 2}
        named = {"dataset": str(blocks), "time_limit_s": 0.0}
        return TrainDefenceRequest(config=DefenceTrainingConfig(**named | small | changes))

    return make


def test_it_is_paused_and_goes_on(repository: Repository, request_of: Any, carry_out: CarryOut) -> None:
    queue.submit(repository, "train-defence", request_of())
    whole = carry_out()[1]
    queue.submit(repository, "train-defence", request_of())
    asked: list[int] = []
    carry_out(stop=lambda: asked.append(1) or len(asked) > 6, code=INTERRUPTED)
    assert [path.name for path in job_folder(2).iterdir()] == [CHECKPOINT]
    repository.queue.release(["w"], "gone")
    queue.resume(repository, 2)
    job, summary, folder = carry_out()
    assert Path(summary["weights"]) == folder / "weights.safetensors"
    assert Path(summary["weights"]).read_bytes() == Path(whole["weights"]).read_bytes()
    assert [step.iteration for step in repository.steps.read(job.id)] == [1, 2]
    assert repository.jobs.get(2).label == "Train a segmenter on blocks"
    assert repository.weights.all() == []  # these are no detector's


def test_what_cannot_be_trained_fails_in_one_line(
    repository: Repository, request_of: Any, carry_out: CarryOut
) -> None:
    queue.submit(repository, "train-defence", request_of(classes=("dog",)))
    carry_out(code=1)
    assert "there is no class 'dog' in the dataset" in str(repository.jobs.get(1).error)


@pytest.mark.parametrize(("limit_s", "estimate"), [(0.0, None), (90.0, {"elapsed_s": 90.0})])
def test_its_time_is_its_limit(
    repository: Repository, request_of: Any, limit_s: float, estimate: dict[str, float] | None
) -> None:
    assert TrainDefence().estimate(repository, request_of(time_limit_s=limit_s)) == estimate


def test_device_seed_and_paths_are_those_of_its_settings(
    request_of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = request_of(device="cuda:1", seed=7)
    assert (TrainDefence().device(request), TrainDefence().seed(request)) == ("cuda:1", 7)
    assert request.on("cpu:1").config.device == "cpu"
    (tmp_path / "pool").mkdir()
    monkeypatch.chdir(tmp_path)
    assert request_of(patches=("pool",)).absolute().config.patches == (str(tmp_path / "pool"),)
    assert TrainDefence.checkpoint == CHECKPOINT
