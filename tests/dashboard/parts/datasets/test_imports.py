# SPDX-License-Identifier: AGPL-3.0-only
"""Imports: each way, what is refused, what failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.drawing import plain
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET
from tests.dashboard.reading import imports, texts


@pytest.fixture
def page(app: AppTest) -> AppTest:
    app.switch_page("app_pages/datasets.py")
    return app


def test_a_path_outside_is_refused_in_one_sentence(page: AppTest, own_home: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(own_home))
    page.query_params["datasets.from"] = "path"
    page.run()
    page.text_input(key="import-path-written").set_value("/etc").run()
    page.button(key="import-path").click().run()
    (error,) = page.error
    assert error.value.startswith(f"path: expected a path below {plain(str(own_home))}")
    assert imports() == []


def test_coco_takes_its_image_folder_along(page: AppTest, own_home: Path) -> None:
    file = own_home / "annotations.json"
    own_home.mkdir(exist_ok=True)
    file.write_text("{}")
    page.query_params["datasets.from"] = "coco"
    page.run()
    page.text_input(key="import-coco-written").set_value(str(file)).run()
    page.text_input(key="import-coco-images").set_value(str(own_home)).run()
    page.text_input(key="import-coco-name").set_value("mine").run()
    page.button(key="import-coco").click().run()
    (job,) = imports()
    wanted = {"source": str(file), "name": "mine", "split": "train", "images": str(own_home)}
    assert wanted.items() <= job.request.items()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", None),
        ("nowhere", None),
        ("set", "Images per split: train 2, val 1"),
        ("set/images/val", "Images per split: train 1"),
    ],
)
def test_the_splits_of_a_path_are_said(page: AppTest, own_home: Path, written: str, said: str | None) -> None:
    for name in ("train/a.jpg", "train/b.jpg", "val/c.jpg"):
        (own_home / "set/images" / name).parent.mkdir(parents=True, exist_ok=True)
        (own_home / "set/images" / name).touch()
    page.query_params["datasets.from"] = "path"
    page.run()
    page.text_input(key="import-path-written").set_value(str(own_home / written) if written else "").run()
    captions = [each.value for each in page.caption if "split" in each.value]
    assert captions == ([said] if said else [])
    assert page.selectbox(key="import-path-split").options == ["train", "val", "test", "all"]


def test_a_name_that_is_taken_is_warned_of(page: AppTest, streets: None) -> None:
    page.query_params["datasets.from"] = "known"
    page.run()
    page.text_input(key="import-known-name").set_value(DATASET).run()
    assert [each.value for each in page.warning] == [
        "A dataset with this name exists. The import replaces it."
    ]


def test_a_failed_import_says_why(page: AppTest) -> None:
    with Repository() as repository:
        job = repository.jobs.add(kind="import", label="Import x", request={"source": "x"})
        with repository.connection.transaction():
            repository.connection.rows(
                "UPDATE jobs SET state = 'failed', error = 'no such folder', finished_at = unixepoch() "
                "WHERE id = ?",
                [job.id],
            )
    page.run()
    assert "no such folder" in texts(page)


def test_what_was_imported_is_said_and_chosen(page: AppTest, streets: None) -> None:
    page.run()
    page.button(key="import-demo").click().run()
    result = {"dataset": DATASET, "images": 1280, "objects": 5, "repairs": {"clipped_box": 4}}
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "UPDATE jobs SET state = 'succeeded', result = json(?)", [json.dumps(result)]
        )
    st.cache_data.clear()
    page.run()
    page.run()
    (said,) = page.success
    assert said.value == f"**{DATASET}**: 1,280 images with 5 objects; 4 labels repaired or skipped."
    assert page.query_params["dataset"] == DATASET
