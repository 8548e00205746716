# SPDX-License-Identifier: AGPL-3.0-only
"""A training on its job's page, while it goes on and afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import DefenceTrainingConfig, TrainingConfig
from engine.jobs import queue
from engine.jobs.kinds.train import TrainRequest
from engine.jobs.kinds.train_defence import TrainDefenceRequest
from engine.records import StepRecord
from engine.store.repository import Repository
from tests.dashboard.reading import lines, opened, texts
from tests.engine.store.test_weights import FACTS

RESULT = {
    "ap50": 0.5,
    "ap50_last": 0.25,
    "best_epoch": 1,
    "epochs": 2,
    "dataset": {"name": "streets", "images": 6, "held_out": 2},
    "peak_memory_bytes": 2**20,
    "image_iterations_per_s": 3.0,
}


@pytest.fixture
def job(app: AppTest) -> AppTest:
    with Repository() as repository:
        queue.submit(repository, "train", TrainRequest(config=TrainingConfig(dataset="demo", weights="demo")))
    return app


def add_epochs(scored: bool, score: str = "ap50") -> None:
    with Repository() as repository:
        for epoch in (1, 2):
            terms: dict[str, Any] = {"box": 1.0} | ({score: 0.5 / epoch} if scored else {})
            step = StepRecord(
                step=epoch,
                iteration=epoch,
                loss=3.0 / epoch,
                terms=terms,
                learning_rate=0.1,
                images=6,
                elapsed_s=float(epoch),
            )
            repository.steps.add(1, [step])


def test_nothing_is_drawn_before_the_first_epoch(job: AppTest) -> None:
    page = opened("jobs", job, job=1)
    assert "Loss and score appear here after the first epoch." in texts(page)
    assert lines(page) == []


def test_its_settings_are_named_as_those_of_a_training(job: AppTest) -> None:
    names = {
        name for frame in opened("jobs", job, job=1).dataframe for name in frame.value.get("Setting", ())
    }
    assert {"Early stopping (epochs)", "Trusted weights"} <= names


@pytest.mark.parametrize("scored", [False, True])
def test_loss_and_score_are_drawn_by_epoch(job: AppTest, scored: bool) -> None:
    add_epochs(scored)
    page = opened("jobs", job, job=1)
    titles = [spec["title"] for spec, _alt, _data in lines(page)]
    assert titles == ["Loss per epoch", *(["AP50 on held-out images"] if scored else [])]
    assert ("No images are held out" in texts(page)) is not scored


def test_what_was_trained_is_told_with_the_way_to_attack_it(job: AppTest) -> None:
    add_epochs(scored=True)
    with Repository() as repository:
        running = repository.queue.claim("w", "cpu")
        assert running is not None
        repository.queue.finish(running, "succeeded", result=RESULT)
        repository.weights.put(**FACTS | {"name": "demo-streets-1"}, origin={"job_id": 1})
    page = opened("jobs", job, job=1)
    assert [metric.value for metric in page.metric][:3] == ["0.500", "0.250", "6"]
    assert "The best weights are **demo-streets-1**" in texts(page)
    assert lines(page)[0][1] == "Loss per epoch: from 3.000 to 1.500 over 2 epochs."
    assert not page.exception


def test_what_a_defence_learned_is_told_with_its_name(app: AppTest) -> None:
    with Repository() as repository:
        config = DefenceTrainingConfig(dataset="demo")
        queue.submit(repository, "train-defence", TrainDefenceRequest(config=config))
        running = repository.queue.claim("w", "cpu")
        assert running is not None
        result = {
            "defence": "segmenter:weights=/out/weights.safetensors",
            "validation": {"iou": 0.61, "recall": 0.7, "false_area": 0.0123},
            "best_epoch": 2,
        }
        repository.queue.finish(running, "succeeded", result=result)
    add_epochs(scored=True, score="iou")
    page = opened("jobs", app, job=1)
    assert [metric.value for metric in page.metric][:3] == ["0.610", "70%", "1.23%"]
    assert result["defence"] in [each.value for each in page.code]
    assert [spec["title"] for spec, *_ in lines(page)] == ["Loss per epoch", "IoU on held-out images"]
    assert not page.exception
