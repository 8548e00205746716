# SPDX-License-Identifier: AGPL-3.0-only
"""The page of benchmarks: empty, measured, compared, and starting a suite."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.i18n import speaking
from dashboard.services import benchmarks
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.measured import add_benchmark, against, row
from tests.dashboard.reading import texts

opened = partial(reading.opened, "benchmarks")

LEAST, DEMAND = {"batch_size": 1, "prefetch": 2}, {"loading": "a run's demand"}
TEST: dict[str, Any] = {"claim": "keeps up", "claimed": (1.0, math.inf)}
KEEPS_UP = against(LEAST, DEMAND, (3.8, 4.0, 4.2), outcome="confirmed", **TEST)
SLOW = against(
    {"batch_size": 8, "loading": "decoding each image"}, DEMAND, (0.7, 0.8, 0.9), outcome="refuted", **TEST
)


def charts(app: AppTest) -> list[dict]:
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def all_figures(app: AppTest, label: str) -> Any:
    return next(each.proto for each in app.expander if each.label == label)


def links(app: AppTest) -> set[str]:
    return {each.proto.label for each in app.get("page_link")}


def choose(app: AppTest, label: str, value: str) -> None:
    next(each for each in app.selectbox if each.label == label).select(value)


def test_an_empty_home_asks_every_question(app: AppTest) -> None:
    opened(app)
    assert {about.question for about in benchmarks.SUITES.things()} <= links(app)
    assert [each.value for each in app.caption].count("Not measured yet.") == 1
    assert not app.get("download_button")


def test_a_suite_that_was_not_measured_says_what_it_would_measure(app: AppTest) -> None:
    opened(app, suite="loader")
    assert "prefetch and pinned memory" in texts(app)
    assert "No runs of this suite match the filters" in texts(app)


def test_an_unknown_suite_shows_all_of_them(app: AppTest) -> None:
    opened(app, suite="nonsense")
    assert benchmarks.SUITES["merge"].question in links(app)


def test_a_measured_suite_shows_headline_comparisons_chart_figures_and_files(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row(LEAST, 40.0), row(DEMAND, 10.0), KEEPS_UP, SLOW], left_out=("copies",))
    headline = "Loading keeps up with a run: 4 times the speed."
    opened(app)
    assert f":green-badge[:material/check: confirmed]\n{headline}" in texts(app)
    opened(app, suite="loader")
    assert (app.success[0].value, app.success[0].icon) == (headline, ":material/check:")
    assert "Not measured on cpu (requires CUDA): copies." in texts(app)
    compared, figures = app.dataframe[0].value, app.dataframe[1].value
    assert compared.to_dict("list") == {
        "Outcome": ["confirmed", "refuted"],
        "Side": ["batch 1, prefetch 2", "batch 8, decoding each image"],
        "Effect": ["4 [3.8, 4.2]", "0.8 [0.7, 0.9]"],
        "Reference": ["a run's demand", "a run's demand"],
        "Metric": ["speed", "speed"],
        "Claimed": ["≥ 1", "≥ 1"],
    }
    assert figures.to_dict("list") == {
        "Side": ["batch 1, prefetch 2", "a run's demand"],
        "Measurement": ["40 [39.2, 40.8]", "10 [9.8, 10.2]"],
        "Unit": ["images/s", "images/s"],
    }
    assert all_figures(app, "All measurements").expanded is False
    (chart,) = charts(app)
    effects, claims = chart["data"]
    assert (effects["name"], effects["x"], effects["y"]) == ("conclusive", [4.0, 0.8], [0, 1])
    assert (claims["name"], claims["x"], claims["y"]) == ("claimed", [1.0, 1.0], [0, 1])
    assert [line["x0"] for line in chart["layout"]["shapes"]] == [1.0]
    assert app.get("plotly_chart")[0].proto.alt == (
        "Ratio to the reference: batch 1, prefetch 2 : a run's demand, speed 4; "
        "batch 8, decoding each image : a run's demand, speed 0.8."
    )
    assert [each.proto.label for each in app.get("download_button")] == ["Download CSV", "Download JSON"]


def test_headline_table_and_chart_are_said_in_korean(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row(LEAST, 40.0), KEEPS_UP], left_out=("copies",))
    headline = "읽기가 실행 속도를 따라갑니다: 속도 4배."
    app.query_params["lang"] = "ko"
    with speaking("ko"):  # the test's side of the page too: it looks choices up by what they are called
        opened(app)
        assert f":green-badge[:material/check: 확인됨]\n{headline}" in texts(app)
        opened(app, suite="loader")
    assert app.success[0].value == headline
    assert "CUDA가 필요해 cpu에서 측정하지 않은 항목: 복사." in texts(app)
    (line,) = app.dataframe[0].value.to_dict("records")
    assert line == {
        "결과": "확인됨",
        "비교 대상": "배치 1, 프리페치 2",
        "효과": "4 [3.8, 4.2]",
        "기준": "실행의 수요",
        "지표": "속도",
        "주장된 값": "≥ 1",
    }
    assert app.dataframe[1].value.to_dict("records")[0]["단위"] == "이미지/초"
    (chart,) = charts(app)
    assert chart["layout"]["yaxis"]["ticktext"] == ["배치 1, 프리페치 2 :<br>실행의 수요, 속도"]
    assert [trace["name"] for trace in chart["data"]] == ["판단됨", "주장된 값"]


def test_each_unit_of_effects_has_its_chart(app: AppTest) -> None:
    views, whole = {"view": "views"}, {"view": "whole images"}
    with Repository() as repository:
        add_benchmark(
            repository,
            [
                against(views, whole, (0.0001, 0.0002, 0.0003), "s/image", unit="share"),
                against(whole, views, (0.1, 0.2, 0.3), "s/image", unit="share"),
                against(views, whole, (-0.2, -0.1, 0.1), "ASR", unit="difference"),
                against(views, whole, (math.nan,) * 3, unit="times"),
            ],
        )
    opened(app, suite="loader")
    assert list(app.dataframe[0].value["Effect"])[-2:] == ["-0.100 [-0.200, +0.100]", "–"]  # noqa: RUF001
    shares, differences = charts(app)
    assert (shares["layout"]["xaxis"]["type"], shares["layout"]["xaxis"]["tickformat"]) == ("log", ".2~%")
    assert "shapes" not in shares["layout"]
    assert [line["x0"] for line in differences["layout"]["shapes"]] == [0.0]
    assert [trace["name"] for trace in differences["data"]] == ["inconclusive, or not tested"]


def test_an_undecided_run_says_what_it_would_take(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(
            repository, [row(LEAST, 10.0), replace(KEEPS_UP, outcome="undecided", needs={"rounds": 12})]
        )
    opened(app)
    assert ":blue-badge[:material/question_mark: inconclusive]" in texts(app)
    opened(app, suite="loader")
    assert app.info[0].value == "Inconclusive: 4 times the speed (3.8 to 4.2)."
    assert "inconclusive; needs 12 more rounds" in [each.value for each in app.caption]
    assert list(app.dataframe[0].value["Needed to decide"]) == ["12 more rounds"]
    assert [trace["name"] for trace in charts(app)[0]["data"]] == ["inconclusive, or not tested", "claimed"]


@pytest.mark.parametrize(
    ("outcome", "frame"),
    [("smaller", "warning"), ("refuted", "warning"), ("none", "info"), ("larger", "success")],
)
def test_the_headline_is_framed_by_its_outcome(app: AppTest, outcome: str, frame: str) -> None:
    with Repository() as repository:
        add_benchmark(repository, [replace(KEEPS_UP, outcome=outcome)])
    opened(app, suite="loader")
    assert len(app.get(frame)) == 1


@pytest.mark.parametrize("code", ["en", "ko"])
def test_a_run_without_comparisons_shows_its_answer_as_it_was_stored(app: AppTest, code: str) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row({"": "batch 8"}, 40.0)], answer="Batch 8 is fed fastest.")
    app.query_params["lang"] = code
    with speaking(code):
        opened(app)
        assert "Batch 8 is fed fastest." in texts(app)
        assert "-badge[" not in texts(app)
        opened(app, suite="loader")
    assert app.info[0].value == "Batch 8 is fed fastest."
    assert charts(app) == []
    (figures,) = app.dataframe[:-1]
    assert figures.value.iloc[0, 0] == "batch 8"
    assert all_figures(app, {"en": "All measurements", "ko": "모든 측정값"}[code]).expanded


def test_an_interrupted_run_says_how_to_go_on(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row(LEAST, 10.0)], answer=None)
    opened(app, suite="loader")
    assert "Start the suite again" in app.warning[0].value


def test_two_versions_are_compared(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row(LEAST, 10.0)], version="1+old")
        add_benchmark(repository, [row(LEAST, 20.0)], version="1+new")
    opened(app, suite="loader")
    assert "1 of 1 measurements changed beyond noise from 1+old to 1+new." in texts(app)
    (line,) = app.dataframe[-1].value.to_dict("records")
    assert (line["Change"], line["Verdict"]) == ("+100.0%", "beyond noise")


def test_filters_leave_out_what_does_not_pass(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row(LEAST, 1.0)], detector="first", answer="First.")
        add_benchmark(repository, [row(LEAST, 1.0)], detector="second", answer="Second.")
    opened(app)
    assert "Second." in texts(app)
    next(each for each in app.selectbox if each.key == "widget.only.detector").select("first").run()
    assert "First." in texts(app)
    assert "Second." not in texts(app)


def test_weights_outside_the_allowed_folders_are_refused(
    app: AppTest, outside: str, no_worker_is_started: list[str]
) -> None:
    app.session_state["suite-form"] = True
    opened(app)
    app.text_input(key="bench.weights-path").set_value(outside).run()
    app.button(key="bench.weights-use").click().run()
    assert "path: expected a path below" in app.error[0].value
    assert app.selectbox(key="widget.bench.weights").value == "demo"


def test_a_link_to_weights_outside_the_allowed_folders_starts_nothing(
    app: AppTest, outside: str, no_worker_is_started: list[str]
) -> None:
    opened(app, **{"bench.weights": outside})
    app.button(key="start-suite").click().run()
    assert "path: expected a path below" in app.error[0].value
    with Repository() as repository:
        assert repository.jobs.find() == []
    assert no_worker_is_started == []


@pytest.mark.parametrize(("suite", "queued"), [("loader", 1), ("all", len(benchmarks.SUITES))])
def test_a_suite_is_started(
    app: AppTest,
    no_worker_is_started: list[str],
    monkeypatch: pytest.MonkeyPatch,
    suite: str,
    queued: int,
) -> None:
    monkeypatch.setattr("engine.jobs.benchmark_detectors.embedded_detectors", lambda: ("demo", "demo-rcnn"))
    opened(app)
    assert not [each for each in app.button if each.key == "start-suite"]  # drawn once it is opened
    app.session_state["suite-form"] = True
    app.run()
    choose(app, "Suite", suite)
    choose(app, "Architecture", "fasterrcnn_small")
    next(each for each in app.multiselect if each.key == "widget.bench.defences").set_value(["median"])
    app.run()
    minutes = queued * 3
    told = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min 0 s"
    assert f"About {told} on two CPU cores." in texts(app)
    app.button(key="start-suite").click().run()
    with Repository() as repository:
        jobs = repository.jobs.find(kinds=["benchmark"])
    assert len(jobs) == queued
    request = jobs[-1].request
    assert (request["scale"], request["config"]["dataset"], request["config"]["weights"]) == (
        *("small", "demo", "demo"),
    )
    assert (request["config"]["architecture"], request["config"]["defences"]) == (
        "fasterrcnn_small",
        ["median"],
    )
    assert no_worker_is_started == ["worker"]
    assert "queued" in app.toast[0].value
    st.cache_data.clear()
    assert f"{jobs[-1].request['suite']} · person" in texts(app.run())
