# SPDX-License-Identifier: AGPL-3.0-only
"""The form that starts a matrix: what it needs first, and what it warns of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import home_folder
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import fill, make_dataset

opened = partial(reading.opened, "transfer")


@pytest.fixture
def filled() -> None:
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
        other = replace(make_dataset(home_folder() / "pictures"), name="fields", class_names=("cow", "car"))
        repository.datasets.save(other)


def test_without_a_dataset_it_leads_to_the_import(app: AppTest, filled: None) -> None:
    with Repository() as repository:
        for dataset in repository.datasets.all():
            repository.datasets.delete(dataset.name)
    opened(app)
    assert "No datasets yet." in reading.texts(app)


def test_classes_are_those_that_all_datasets_have(app: AppTest, filled: None) -> None:
    opened(app, **{"t.patches": 1, "t.datasets": '["fields", "streets"]'})
    assert app.multiselect(key="widget.t.class").options == ["car"]
    assert "Choose the detector's class for car." in reading.texts(app)
    app.selectbox(key="widget.t.detector_class").set_value("person").run()
    assert "2 cells" in reading.texts(app)


def test_datasets_without_a_common_class_are_told(app: AppTest, filled: None) -> None:
    with Repository() as repository:
        other = replace(make_dataset(home_folder() / "pictures"), name="sea", class_names=("boat", "buoy"))
        repository.datasets.save(other)
    opened(app, **{"t.patches": 1, "t.datasets": '["sea", "streets"]'})
    assert "These datasets have no classes in common. Choose others." in reading.texts(app)


def test_a_link_with_a_patch_that_is_gone_chooses_none(app: AppTest, filled: None) -> None:
    opened(app, **{"t.patches": "7"})
    assert app.multiselect(key="widget.t.patches").value == []
