# SPDX-License-Identifier: AGPL-3.0-only
"""What is done with chosen runs: none, one, several; a running one is not deleted."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill


def page() -> None:
    import streamlit as st

    from dashboard.parts.runs.selected import actions
    from dashboard.services import run_table

    known = run_table.rows()
    actions([row for row in known if row.id in st.session_state["chosen"]], known, ["name", "asr"], None)


@pytest.fixture
def chosen(own_home: object) -> AppTest:
    with Repository() as repository:
        fill(repository, runs=2, steps=2)
        add_running(repository)
    app = AppTest.from_function(page)
    app.session_state["chosen"] = []
    return app


def keys(app: AppTest) -> set[str]:
    return {each.key for each in app.button}


def test_none_chosen_can_only_be_saved(chosen: AppTest) -> None:
    chosen.run()
    assert keys(chosen) == set()
    assert [each.label for each in chosen.get("download_button")] == ["CSV", "JSON", "Parquet"]


def test_chosen_ones_are_tagged_renamed_and_deleted(chosen: AppTest) -> None:
    chosen.session_state["chosen"] = ["2"]
    chosen.run()
    assert "runs-pin" in keys(chosen)
    chosen.text_input(key="runs-name-2").input("best")
    chosen.button(key="runs-name-save").click().run()
    with Repository() as repository:
        assert repository.jobs.get(2).label == repository.patches.get(2).name == "best"
    chosen.session_state["chosen"] = ["1", "3"]
    chosen.run()
    assert "runs-pin" not in keys(chosen)
    chosen.multiselect[0].set_value(["paper"])
    chosen.button(key="runs-tags-save").click().run()
    chosen.button(key="runs-delete").click().run()
    assert "expected a job that is not running" in chosen.error[0].value
    with Repository() as repository:
        assert [(job.id, job.tags) for job in repository.jobs.find()] == [(3, ("paper",)), (2, ())]


def test_runs_are_chosen_by_name_without_a_mouse(chosen: AppTest) -> None:
    chosen.session_state["chosen"] = ["1"]
    chosen.session_state["runs-select"] = True
    chosen.run()
    chosen.multiselect(key="widget.runs.selected").set_value(["2"]).run()
    assert "2 runs selected." in [each.value for each in chosen.caption]
    chosen.session_state["runs-select"] = False
    chosen.run()
    assert "2 runs selected." in [each.value for each in chosen.caption]
    chosen.query_params["runs.selected"] = "999"
    chosen.session_state["chosen"] = []
    assert not chosen.run().exception
    assert keys(chosen) == set()
