# SPDX-License-Identifier: AGPL-3.0-only
"""Tables and figures of runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import streamlit as st

from dashboard.i18n import speaking
from dashboard.parts.compare import views as parts
from dashboard.parts.run_names import numbered_name
from dashboard.services import runs as service
from dashboard.services.runs import Run
from engine.store.repository import Repository
from tests.dashboard.homes import fill

LOOK = {"dark": False, "large": False}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    st.cache_data.clear()
    with speaking("en"):
        yield


@pytest.fixture
def runs() -> list[Run]:
    with Repository() as repository:
        fill(repository, runs=3)
    return service.compared((1, 2, 3))


def test_without_runs_there_is_nothing_to_show() -> None:
    assert parts.setting_rows([], {}) == []
    assert parts.score_rows([]) == []
    assert parts.cost_rows([]) == []
    assert parts.scores_alt([]) == ""
    assert parts.mapped_classes([]) == []
    assert parts.parallel_figure([], **LOOK) is None


def test_settings_are_lines_and_runs_are_columns(runs: list[Run]) -> None:
    rows = parts.setting_rows(runs, {"seed": [0, 1, 2]})
    assert rows == [{"Setting": "Seed", "1 Run 0": "0", "2 Run 1": "1", "3 Run 2": "2"}]


def test_scores_stand_beside_their_controls(runs: list[Run]) -> None:
    rows = parts.score_rows(runs[:1])
    assert [row["Condition"] for row in rows] == ["Patch", "No patch", "Grey patch", "Noise patch"]
    assert rows[2]["ASR"] == "0.15 (0.10 to 0.20)"
    assert rows[2]["Confidence"] == "0.88 (0.83 to 0.93)"
    assert parts.scores_alt(runs[:1]).startswith("1 Run 0: ASR 0.")


def test_classes_stand_beside_the_runs_that_call_them_otherwise(runs: list[Run]) -> None:
    first, second, third = runs
    assert second.patch is not None
    assert second.patch.score is not None
    score = replace(second.patch.score, class_name="man, woman → person")
    mapped = replace(second, patch=replace(second.patch, score=score))
    assert parts.mapped_classes([first, mapped, third]) == ["2: man, woman → person"]


def test_costs_are_read_from_the_record(runs: list[Run]) -> None:
    rows = {row["Cost"]: row["1 Run 0"] for row in parts.cost_rows(runs)}
    assert (rows["Time"], rows["Steps"], rows["Precision"]) == ("1 min 30 s", "60", "fp32")
    assert "Image-iterations" not in rows  # no run has it
    assert "Ended by" not in rows


def test_how_runs_ended_is_said_in_few_words(runs: list[Run]) -> None:
    job = runs[0].job
    facts = {"iterations": 37, "config": {"iterations": 1500, "time_limit_s": 60.0}}
    stopped = replace(runs[0], patch=None, job=replace(job, result=facts))
    (row,) = (each for each in parts.cost_rows([stopped, runs[1]]) if each["Cost"] == "Ended by")
    assert list(row.values())[1:] == ["time limit: 37 of 1,500", "–"]  # noqa: RUF001


def test_scores_are_drawn_for_each_run_with_the_grey_control(runs: list[Run]) -> None:
    figure = parts.scores_figure(runs, **LOOK)
    assert [trace.type for trace in figure.data] == ["bar"] * 3 + ["scatter"] * 3
    evaluation = runs[0].evaluation
    assert evaluation is not None
    assert figure.data[0].y[0] == evaluation["patch"]["asr"]
    assert figure.data[3].y[0] == evaluation["controls"]["grey"]["asr"]


def test_differing_settings_and_scores_share_parallel_axes(runs: list[Run]) -> None:
    figure = parts.parallel_figure(runs, **LOOK)
    assert figure is not None
    assert [trace.name for trace in figure.data] == [numbered_name(run) for run in runs]
    assert {"Seed", "ASR ↑", "Confidence ↓", "AP50 ↓", "Disappearance ↑"} <= set(figure.layout.yaxis.ticktext)
