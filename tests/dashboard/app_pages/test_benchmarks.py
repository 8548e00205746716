# SPDX-License-Identifier: AGPL-3.0-only
"""The page of benchmarks: empty, measured, compared, and starting a suite."""

from __future__ import annotations

import json
from functools import partial

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.i18n import speaking
from dashboard.services import benchmarks
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.measured import add_benchmark, row
from tests.dashboard.reading import texts

opened = partial(reading.opened, "benchmarks")


def charts(app: AppTest) -> list[dict]:
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def choose(app: AppTest, label: str, value: str) -> None:
    next(each for each in app.selectbox if each.label == label).select(value)


def test_an_empty_home_asks_every_question(app: AppTest) -> None:
    opened(app)
    for about in benchmarks.SUITES.values():
        assert about.question in texts(app)
    assert [each.value for each in app.caption].count("Not measured yet.") == len(benchmarks.SUITES)
    assert not app.get("download_button")


def test_a_suite_that_was_not_measured_says_what_it_would_measure(app: AppTest) -> None:
    opened(app, suite="loader")
    assert "prefetch and pinned memory" in app.info[0].value
    assert "No run of this suite passes the filters" in texts(app)


def test_an_unknown_suite_shows_all_of_them(app: AppTest) -> None:
    opened(app, suite="nonsense")
    assert benchmarks.SUITES["merge"].question in texts(app)


def test_a_measured_suite_shows_answer_chart_table_and_files(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(
            repository,
            [row("batch 1", 10.0, batch_size=1), row("batch 8", 40.0, batch_size=8, claimed=None)],
            left_out=("copies",),
        )
    opened(app)
    assert "Batch 8 is fed fastest." in texts(app)
    opened(app, suite="loader")
    assert app.success[0].value == "Batch 8 is fed fastest."
    assert "Not measured on cpu, as it needs CUDA: copies." in texts(app)
    (drawn,) = charts(app)
    assert drawn["data"][0]["y"] == [10.0, 40.0]
    assert list(app.dataframe[0].value["Measured figure"]) == ["10 (9.8 to 10.2)", "40 (39.2 to 40.8)"]
    assert [each.proto.label for each in app.get("download_button")] == ["Download CSV", "Download JSON"]


def test_answers_sides_and_units_are_said_in_korean(app: AppTest) -> None:
    peaks = [row("views, batch 1", 2.0**30, "bytes"), row("whole images, batch 8", 3 * 2.0**30, "bytes")]
    english = "A run takes 1.00 GiB (views, batch 1) to 3.00 GiB (whole images, batch 8) at its peak."
    with Repository() as repository:
        add_benchmark(repository, peaks, suite="memory", answer=english)
    korean = "실행의 최대 메모리는 1.00 GiB (뷰, 배치 1)에서 3.00 GiB (이미지 전체, 배치 8)까지입니다."
    app.query_params["lang"] = "ko"
    with speaking("ko"):  # the test's side of the page too: it looks choices up by what they are called
        opened(app)
        assert korean in texts(app)
        opened(app, suite="memory")
    assert app.success[0].value == korean
    assert list(app.dataframe[0].value["비교 대상"]) == ["뷰, 배치 1", "이미지 전체, 배치 8"]
    (drawn,) = charts(app)
    assert drawn["layout"]["yaxis"]["ticktext"] == ["뷰, 배치 1", "이미지 전체, 배치 8"]


def test_claims_stand_beside_what_was_measured(app: AppTest) -> None:
    with Repository() as repository:
        saved = row("time saved", 0.1, "share", claimed=0.23)
        add_benchmark(repository, [saved], suite="batching")
    opened(app, suite="batching")
    assert "**Claimed elsewhere:**" in texts(app)
    (drawn,) = charts(app)
    assert [trace["x"] for trace in drawn["data"]] == [[0.1], [0.23]]


def test_an_interrupted_run_says_how_to_go_on(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row("batch 1", 10.0, batch_size=1)], answer=None)
    opened(app, suite="loader")
    assert "Start the suite again" in app.warning[0].value


def test_two_versions_are_compared(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row("batch 1", 10.0, batch_size=1)], version="1+old")
        add_benchmark(repository, [row("batch 1", 20.0, batch_size=1)], version="1+new")
    opened(app, suite="loader")
    assert "1 of 1 figures changed beyond noise from 1+old to 1+new." in texts(app)
    (line,) = app.dataframe[-1].value.to_dict("records")
    assert (line["Change"], line["Verdict"]) == ("+100.0%", "beyond noise")


def test_filters_leave_out_what_does_not_pass(app: AppTest) -> None:
    with Repository() as repository:
        add_benchmark(repository, [row("a", 1.0, batch_size=1)], detector="first", answer="First.")
        add_benchmark(repository, [row("a", 1.0, batch_size=1)], detector="second", answer="Second.")
    opened(app)
    assert "Second." in texts(app)
    next(each for each in app.selectbox if each.key == "widget.only.detector").select("first").run()
    assert "First." in texts(app)
    assert "Second." not in texts(app)


def test_weights_outside_the_allowed_folders_are_refused(
    app: AppTest, outside: str, no_worker_is_started: list[str]
) -> None:
    opened(app)
    app.text_input(key="bench.weights-path").set_value(outside).run()
    app.button(key="bench.weights-use").click().run()
    assert "path: expected one below" in app.error[0].value
    assert app.selectbox(key="widget.bench.weights").value == "demo"


def test_a_link_to_weights_outside_the_allowed_folders_starts_nothing(
    app: AppTest, outside: str, no_worker_is_started: list[str]
) -> None:
    opened(app, **{"bench.weights": outside})
    app.button(key="start-suite").click().run()
    assert "path: expected one below" in app.error[0].value
    with Repository() as repository:
        assert repository.jobs.find() == []
    assert no_worker_is_started == []


@pytest.mark.parametrize(("suite", "queued"), [("loader", 1), ("all", len(benchmarks.SUITES))])
def test_a_suite_is_started(app: AppTest, no_worker_is_started: list[str], suite: str, queued: int) -> None:
    opened(app)
    choose(app, "Suite", suite)
    app.button(key="start-suite").click().run()
    with Repository() as repository:
        jobs = repository.jobs.find(kinds=["benchmark"])
    assert len(jobs) == queued
    request = jobs[-1].request
    assert (request["scale"], request["config"]["dataset"], request["config"]["weights"]) == (
        *("small", "demo", "demo"),
    )
    assert no_worker_is_started == ["worker"]
    assert "queued" in app.toast[0].value
    st.cache_data.clear()
    assert f"Benchmark {jobs[-1].request['suite']}" in texts(app.run())
