# SPDX-License-Identifier: AGPL-3.0-only
"""The table of runs: empty, filled, ordered, and what is done to several lines at once."""

from __future__ import annotations

import pytest
import streamlit as st

from dashboard.services import run_table
from dashboard.services.run_table import Row
from engine.errors import EngineError
from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill


@pytest.fixture(autouse=True)
def nothing_remembered(own_home: object) -> None:
    st.cache_data.clear()


def line(number: int, **values: object) -> Row:
    return Row(id=str(number), job=number, patch=None, image="", values=values, intervals={})


def test_an_empty_home_has_no_lines() -> None:
    assert run_table.rows() == []
    assert run_table.differing([]) == []
    assert run_table.facet_values([], "state") == {}
    assert run_table.ordered([], "asr", falling=True) == []


def test_a_run_is_a_line_with_settings_scores_and_costs() -> None:
    with Repository() as repository:
        fill(repository, runs=2, steps=3)
        add_running(repository)
    running, second, first = run_table.rows()
    assert (running.id, running.values["state"], "asr" in running.values) == ("3", "running", False)
    assert (second.values["number"], second.values["seed"]) == (2, 1)
    assert first.values["class"] == "person"
    low, high = first.intervals["asr"]
    assert low < first.values["asr"] < high
    assert (first.values["steps"], first.values["elapsed_s"]) == (3, 90.0)
    assert "seed" in run_table.differing([first, second])
    assert set(first.values) <= set(run_table.COLUMNS)
    assert run_table.facet_values([running, second, first], "state") == {"succeeded": 2, "running": 1}


@pytest.mark.parametrize(
    ("column", "falling", "order"),
    [
        ("asr", True, [2, 1, 3]),
        ("asr", False, [1, 2, 3]),
        ("name", False, [3, 1, 2]),
        ("none", True, [1, 2, 3]),
    ],
)
def test_lines_without_a_value_come_last(column: str, falling: bool, order: list[int]) -> None:
    lines = [line(1, asr=0.2, name="b"), line(2, asr=0.7, name="C"), line(3, name="a")]
    assert [each.job for each in run_table.ordered(lines, column, falling=falling)] == order


def test_a_run_and_its_patch_are_renamed_tagged_and_deleted_together() -> None:
    with Repository() as repository:
        (patch,) = fill(repository, runs=1, steps=3)
        running = add_running(repository)
    lines = run_table.rows()
    run_table.rename(lines[1], name=" best ", notes="mine")
    run_table.tag(lines, add=["paper", "b"])
    run_table.tag(lines[1:], remove=["b"])
    named = {each.id: each.values for each in run_table.rows()}
    assert (named["1"]["name"], named["1"]["tags"]) == ("best", ["paper"])
    assert named[str(running.id)]["tags"] == ["paper", "b"]
    with Repository() as repository:
        assert (repository.patches.get(patch.id).name, repository.jobs.get(1).notes) == ("best", "mine")
    (trouble,) = run_table.delete(run_table.rows())
    assert "expected a job that is not running" in trouble
    assert [each.job for each in run_table.rows()] == [running.id]
    with pytest.raises(EngineError):
        run_table.tag(lines[1:], add=["x"])
