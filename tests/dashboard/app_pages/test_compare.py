# SPDX-License-Identifier: AGPL-3.0-only
"""The page that compares runs: empty, linked, chosen, with what cannot be compared."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.config import RunConfig, home_folder
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import add_running, fill, finish, make_dataset
from tests.dashboard.reading import texts

opened = partial(reading.opened, "compare")


@pytest.fixture
def three_runs(own_home: object) -> None:
    with Repository() as repository:
        fill(repository, runs=3)


def test_an_empty_home_says_what_is_needed(app: AppTest) -> None:
    opened(app)
    assert "You need two finished runs" in texts(app)
    assert not app.multiselect


@pytest.mark.usefixtures("three_runs")
def test_a_link_reproduces_the_view(app: AppTest) -> None:
    opened(app, runs="1,3", over="seconds", smoothing="0.5")
    assert app.multiselect[0].value == [1, 3]
    settings, scores, costs = (table.value for table in app.dataframe)
    assert list(settings.columns) == ["Setting", "1 Run 0", "3 Run 2"]
    assert "Seed" in list(settings["Setting"])
    assert list(scores["Condition"]) == ["Patch", "No patch", "Grey patch", "Noise patch"] * 2
    assert "Time" in list(costs["Cost"])
    drawn = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    assert [len(each["data"]) for each in drawn] == [4, 4, 2]
    assert drawn[1]["layout"]["xaxis"]["title"]["text"] == "Seconds"
    assert app.slider[0].value == 0.5
    assert len(app.get("image")) == 2
    assert app.get("download_button")[0].proto.label == "HTML report"


@pytest.mark.usefixtures("three_runs")
def test_it_opens_on_two_runs_and_the_two_latest_are_a_click_away(app: AppTest) -> None:
    opened(app)
    assert app.multiselect[0].value == [3, 2]
    app.multiselect[0].set_value([1]).run()
    app.button(key="latest-two").click().run()
    assert app.multiselect[0].value == [3, 2]
    app.switch_page("app_pages/hardware.py").run()
    app.switch_page("app_pages/compare.py").run()
    assert app.multiselect[0].value == [3, 2]


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize(
    ("link", "kept", "told"),
    [
        ("1,99,2", [1, 2], "Run 99 from the link"),
        ("1,4,2", [1, 2], "Run 4 from the link"),
        ("98,99", [], "Runs 98,99 from the link"),
        ("1,x", [3, 2], None),
    ],
)
def test_what_a_link_names_wrongly_is_told(
    app: AppTest, link: str, kept: list[int], told: str | None
) -> None:
    with Repository() as repository:
        add_running(repository)  # job 4
    opened(app, runs=link)
    assert app.multiselect[0].value == kept
    assert [told in each.value for each in app.warning] == ([True] if told else [])


def test_runs_without_scores_and_steps_say_so(app: AppTest, own_home: object) -> None:
    with Repository() as repository:
        repository.datasets.save(make_dataset(home_folder() / "pictures"))
        config = RunConfig(dataset="streets", weights="demo")
        for _number in range(2):
            finish(repository, config, label="Bare", result={"elapsed_s": 1.0})
    opened(app, runs="1,2")
    assert "Not scored: 1 Bare, 2 Bare." in app.info[0].value
    assert "All settings are the same" in texts(app)
    assert "No steps are stored" in texts(app)
    assert "1 Bare: its patch was deleted." in texts(app)


@pytest.mark.usefixtures("three_runs")
def test_scores_on_different_data_are_warned_of(app: AppTest) -> None:
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "UPDATE scores SET subject = json_set(subject, '$.dataset', 'other') WHERE patch_id = 1"
        )
    opened(app, runs="1,2")
    assert "different datasets" in app.warning[0].value


@pytest.mark.usefixtures("three_runs")
def test_classes_called_otherwise_are_named(app: AppTest) -> None:
    opened(app, runs="1,2")
    assert not any("Classes whose names differ" in text for text in texts(app))
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "UPDATE scores SET subject = json_set(subject, '$.class_name', 'man → person') WHERE patch_id = 1"
        )
    st.cache_data.clear()
    opened(app, runs="1,2")
    assert "Classes whose names differ between dataset and detector: 1: man → person." in texts(app)
    assert "different datasets, detectors, classes" in app.warning[0].value


def test_a_thousand_runs_stay_quick(app: AppTest) -> None:
    with Repository() as repository:
        config = RunConfig(dataset="streets", weights="demo").to_json()
        jobs = ((f"Run {number}", json.dumps({"config": config})) for number in range(1000))
        with repository.connection.transaction():
            for label, request in jobs:
                repository.connection.rows(
                    "INSERT INTO jobs (kind, state, label, device, place, created_at, seed, code_version, "
                    "request) VALUES ('generate', 'succeeded', ?, 'cpu', 1, 1, 0, 'test', ?)",
                    [label, request],
                )
    app.run()
    began = time.perf_counter()
    app.query_params["runs"] = "1,500,1000"
    app.switch_page("app_pages/compare.py").run()
    assert time.perf_counter() - began < 4  # a second on an idle machine
    assert not app.error
    assert app.multiselect[0].value == [1, 500, 1000]
    assert len(app.multiselect[0].options) == 1000
