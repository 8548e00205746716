# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets that pages share."""

from __future__ import annotations

import json
import logging
import random

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import formats
from dashboard.components import STATES
from engine.records import JOB_STATES
from tests.dashboard.homes import make_evaluation


def failing(kind: str) -> None:
    from dashboard.components import guarded
    from engine.errors import StorageError

    with guarded():
        raise (
            StorageError("expected a database, got none; make one") if kind == "known" else KeyError("secret")
        )


def test_an_engine_error_is_shown_as_it_is_worded() -> None:
    app = AppTest.from_function(failing, kwargs={"kind": "known"}).run()
    assert [each.value for each in app.error] == ["expected a database, got none; make one"]
    assert not app.exception


def test_any_other_error_is_logged_under_the_id_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="dashboard"):
        app = AppTest.from_function(failing, kwargs={"kind": "other"}).run()
    (shown,) = [each.value for each in app.error]
    (record,) = [each for each in caplog.records if each.name == "dashboard"]
    assert record.getMessage().removeprefix("failure ") in shown
    assert "secret" not in shown
    assert record.exc_info is not None
    assert not app.exception


def lines(values: list[float]) -> None:
    from dashboard.components import line_chart

    line_chart({"x": values}, {"mark": "line"}, alt="A line.")


@pytest.mark.parametrize("values", [[], [1.0, 2.0]])
def test_lines_are_shown_with_what_they_say(values: list[float]) -> None:
    app = AppTest.from_function(lines, kwargs={"values": values}).run()
    assert not app.exception
    (shown,) = app.get("vega_lite_chart")
    assert (shown.proto.alt, shown.proto.theme) == ("A line.", "")


def test_every_state_has_a_name() -> None:
    assert set(STATES) == set(JOB_STATES)


def progress(**facts: object) -> None:
    from dashboard.components import progress_line
    from engine.records import Progress

    progress_line(Progress(**facts))


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {"phase": "optimising", "done": 5, "total": 10, "unit": "steps", "rate": 3.0, "remaining_s": 90},
            "Optimising · 5 / 10 steps · 3.0 images/s · 1 min 30 s left",
        ),
        (
            {"phase": "measuring", "done": 1, "total": 4, "unit": "parts", "rate": 0.1, "remaining_s": 90},
            "Measuring · 1 / 4 parts · 1 min 30 s left",
        ),
    ],
)
def test_progress_says_what_is_known(facts: dict[str, object], text: str) -> None:
    app = AppTest.from_function(progress, kwargs=facts).run()
    assert app.get("progress")[0].proto.text == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, ":material/hourglass_top: Starting"),
        ({"phase": "scoring", "done": 2, "unit": "images"}, ":material/hourglass_top: Scoring · 2 images"),
    ],
)
def test_no_empty_bar_is_drawn_where_the_whole_is_not_known(facts: dict[str, object], text: str) -> None:
    app = AppTest.from_function(progress, kwargs=facts).run()
    assert [each.value for each in app.caption] == [text]
    assert not app.get("progress")


def table(evaluation: dict) -> None:
    from dashboard.components import score_table

    score_table(evaluation)


def test_scores_stand_beside_their_controls_with_intervals() -> None:
    evaluation = make_evaluation(random.Random(1))
    evaluation["patch"]["ap50"] = None
    app = AppTest.from_function(table, kwargs={"evaluation": evaluation}).run()
    rows = app.dataframe[0].value
    assert list(rows["Condition"]) == ["Patch", "No patch", "Grey patch", "Noise patch"]
    assert rows["ASR"][1] == "0.00 (0.00 to 0.05)"
    assert rows["Confidence"][1] == "1.00 (0.95 to 1.05)"
    assert "Confidence: how much of their detection scores remains" in app.caption[1].value


def test_scores_from_before_confidence_have_a_dash_for_it() -> None:
    evaluation = make_evaluation(random.Random(1))
    for scores in (evaluation["patch"], *evaluation["controls"].values()):
        del scores["confidence_retained"], scores["ci95"]["confidence_retained"]
    app = AppTest.from_function(table, kwargs={"evaluation": evaluation}).run()
    assert set(app.dataframe[0].value["Confidence"]) == {formats.DASH}


@pytest.mark.parametrize(("present", "kind"), [(False, "dataframe"), (True, "table")])
def test_scores_need_no_scrolling_in_presentation_mode(present: bool, kind: str) -> None:
    app = AppTest.from_function(table, kwargs={"evaluation": make_evaluation(random.Random(1))})
    app.session_state["kept.present"] = present
    (shown,) = app.run().get(kind)
    gap = "\N{NO-BREAK SPACE}" if present else " "  # a bracket is not folded
    assert shown.value["ASR"][1] == f"0.00 (0.00{gap}to{gap}0.05)"


def long_table(names: list[str]) -> None:
    from dashboard.components import table

    table([{"Name": name, "Figure": "1 [0, 2]"} for name in names])


@pytest.mark.parametrize(
    ("names", "widths"),
    [
        ([], {}),
        (["a"] * 9 + ["a long name"], {}),  # the browser measures it
        (["a"] * 10 + ["a long name"], {"Name": 93}),
        (["a"] * 10 + ["긴 이름"], {"Name": 66}),  # a Korean letter is as wide as two
        (["a long name"] + ["a"] * 10, {}),
    ],
)
def test_a_long_cell_far_down_is_not_cut(names: list[str], widths: dict[str, int]) -> None:
    app = AppTest.from_function(long_table, kwargs={"names": names}).run()
    columns = json.loads(app.dataframe[0].proto.columns)
    assert {name: each["width"] for name, each in columns.items() if each.get("width")} == widths


def test_square_brackets_are_not_folded_either() -> None:
    app = AppTest.from_function(long_table, kwargs={"names": ["a"]})
    app.session_state["kept.present"] = True
    (shown,) = app.run().get("table")
    assert shown.value["Figure"][0] == "1 \\[0,\N{NO-BREAK SPACE}2\\]"
