# SPDX-License-Identifier: AGPL-3.0-only
"""A training in the queue: it is paused, goes on to the same bits, and its weights stand on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config import TrainingConfig
from engine.detectors.loading import load_detector
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.train import Train, TrainRequest
from engine.runs.paths import job_folder
from engine.runs.training_course import CHECKPOINT
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut


@pytest.fixture
def request_of(blocks: Path, tiny_weights: Path) -> Any:
    def make(**changes: Any) -> TrainRequest:
        small: dict[str, Any] = {"image_size": 64, "epochs": 2, "batch_size": 2}
        named = {"dataset": str(blocks), "weights": str(tiny_weights)}
        return TrainRequest(config=TrainingConfig(**named | small | changes))

    return make


def test_it_is_paused_goes_on_and_is_put_on_record(
    repository: Repository, request_of: Any, carry_out: CarryOut, tiny_weights: Path
) -> None:
    queue.submit(repository, "train", request_of())
    whole = carry_out()[1]
    queue.submit(repository, "train", request_of())
    asked: list[int] = []
    carry_out(stop=lambda: asked.append(1) or len(asked) > 4, code=INTERRUPTED)
    folder = job_folder(2)
    assert {path.name for path in folder.iterdir()} == {"checkpoint.pt", "weights.pt", "weights-last.pt"}
    repository.queue.release(["w"], "gone")
    queue.resume(repository, 2)
    job, summary, _ = carry_out()
    assert (summary["epochs"], summary["device"], summary["weights_sha256"]) == (
        *(2, "cpu"),
        whole["weights_sha256"],
    )
    assert [step.iteration for step in repository.steps.read(job.id)] == [1, 2]
    (weights,) = repository.weights.all()
    assert weights.path.endswith("weights/tiny-blocks-2.pt")
    assert weights.origin["parent"] == load_detector(tiny_weights, device="cpu").checksum()
    assert load_detector("tiny-blocks-2", device="cpu").checksum() == weights.checksum


def test_what_cannot_be_trained_fails_in_one_line(
    repository: Repository, request_of: Any, carry_out: CarryOut
) -> None:
    queue.submit(repository, "train", request_of(classes=("dog",)))
    carry_out(code=1)
    assert "there is no class 'dog' in the dataset" in str(repository.jobs.get(1).error)


def test_its_checkpoint_is_the_trainings() -> None:
    assert Train.checkpoint == CHECKPOINT


def test_device_seed_and_paths_are_those_of_its_settings(request_of: Any, monkeypatch: Any) -> None:
    request = request_of(device="cuda:1", seed=7)
    assert (Train().device(request), Train().seed(request)) == ("cuda:1", 7)
    assert request.on("cpu:1").config.device == "cpu"
    monkeypatch.chdir(Path(request.config.dataset).parent)
    assert request_of(dataset="blocks").absolute().config.dataset == request.config.dataset
    assert request.merged({"epochs": 5}, whose="job 1").config.epochs == 5
