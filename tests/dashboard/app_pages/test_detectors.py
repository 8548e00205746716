# SPDX-License-Identifier: AGPL-3.0-only
"""The page Detectors: empty, with weights on record, and what it starts."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import HardeningConfig, TrainingConfig
from engine.store.repository import Repository
from tests.dashboard.reading import opened, texts
from tests.engine.store.test_weights import FACTS

ORIGIN = {
    "job_id": 4,
    "strategy": "head",
    "dataset": "streets",
    "images": 6,
    "epochs": 3,
    "ap50": 0.125,
}


@pytest.fixture
def trained(own_home: None) -> None:
    with Repository() as repository:
        repository.weights.put(**FACTS)
        changes = {"checksum": "c1", "name": "yolo11n-streets-4", "path": "/nets/yolo11n-streets-4.pt"}
        repository.weights.put(**FACTS | changes, classes=["person"], origin=ORIGIN)


def test_without_datasets_the_way_to_one_is_shown(app: AppTest) -> None:
    page = opened("detectors", app)
    assert "Import one first" in texts(page)
    assert "No detectors yet" in texts(page)


def test_weights_on_record_are_listed_with_what_they_come_from(app: AppTest, trained: None) -> None:
    page = opened("detectors", app)
    (frame,) = (each.value for each in page.dataframe)
    assert frame["Name"].to_list() == ["yolo11n-streets-4", FACTS["name"]]
    assert frame["AP50"].to_list() == ["0.125", "–"]  # noqa: RUF001
    assert frame["Trained part"].to_list() == ["All but the backbone", "–"]  # noqa: RUF001
    assert page.selectbox(key="widget.number").options == ["yolo11n-streets-4", FACTS["name"]]


def test_classes_that_no_training_recorded_are_read_from_the_file(app: AppTest, own_home: None) -> None:
    with Repository() as repository:
        repository.weights.put(**FACTS | {"path": "demo", "checksum": "c2"})
        repository.weights.put(**FACTS | {"path": "/gone.pt", "checksum": "c3"})
    (frame,) = (each.value for each in opened("detectors", app).dataframe)
    assert frame["Classes"].to_list() == ["–", "person"]  # noqa: RUF001


def test_a_training_is_queued_with_what_was_chosen(
    app: AppTest, streets: None, no_worker_is_started: list[str]
) -> None:
    page = opened("detectors", app, **{"t.strategy": "head", "t.epochs": 7, "class": "car", "t.seed": 5})
    page.button(key="t-launch").click().run()
    assert not page.exception
    with Repository() as repository:
        (job,) = repository.jobs.find(kinds=["train"])
    assert TrainingConfig.from_json(job.request["config"]) == TrainingConfig(
        dataset="streets", weights="demo", classes=("car",), strategy="head", epochs=7, seed=5
    )
    assert (job.auto_resume, no_worker_is_started) == (True, ["worker"])
    assert f"Job {job.id} is queued." in texts(page)


def test_what_does_not_go_together_is_said_in_place_of_the_button(app: AppTest, streets: None) -> None:
    query = {"t.early_stop": 3, "t.validation_share": 0.0}
    page = opened("detectors", app, failing=True, **query)
    assert [each.value for each in page.error] == [
        "early stop: expected a validation share above 0, got none; set both"
    ]
    assert not [each for each in page.button if each.key == "t-launch"]


def test_nonsense_in_the_link_gives_the_defaults(app: AppTest, streets: None) -> None:
    nonsense = {"t.epochs": "many", "t.strategy": "none", "t.seed": -1, "dataset": "x", "number": "9"}
    page = opened("detectors", app, **nonsense)
    page.button(key="t-launch").click().run()
    with Repository() as repository:
        (job,) = repository.jobs.find(kinds=["train"])
    assert TrainingConfig.from_json(job.request["config"]) == TrainingConfig(
        dataset="streets", weights="demo"
    )


def test_a_hardening_is_queued_with_what_was_chosen(
    app: AppTest, streets: None, no_worker_is_started: list[str]
) -> None:
    page = opened("detectors", app, **{"h.time_limit_s": 600.0, "h-class": "car", "h.trial": "full"})
    page.button(key="h-launch").click().run()
    assert not page.exception
    with Repository() as repository:
        (job,) = repository.jobs.find(kinds=["harden"])
    assert HardeningConfig.from_json(job.request["config"]) == HardeningConfig(
        dataset="streets", weights="demo", class_name="car", time_limit_s=600.0, trial="full"
    )
    assert f"Job {job.id} is queued." in texts(page)


def test_a_closed_form_is_drawn_once_it_is_opened(app: AppTest, streets: None, trained: None) -> None:
    page = opened("detectors", app)
    assert not page.number_input
    page.session_state["train-form"] = True
    assert page.run().button(key="t-launch")


def test_what_a_link_holds_of_a_form_is_seen(app: AppTest, streets: None, trained: None) -> None:
    page = opened("detectors", app, **{"h.epochs": 7})
    assert page.number_input(key="widget.h.epochs").value == 7
    assert [each.key for each in page.button if each.key in ("t-launch", "h-launch")] == ["h-launch"]
