# SPDX-License-Identifier: AGPL-3.0-only
"""The page Sweeps from the entry file: empty, starting one, one with all there is, going on, cancelling."""

from __future__ import annotations

from functools import partial

from streamlit.testing.v1 import AppTest

from engine.jobs import queue, sweeps
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from tests.dashboard import reading
from tests.dashboard.homes import DATASET, add_sweep, fill

opened = partial(reading.opened, "sweeps")


def filled(**how: object) -> Sweep:
    with Repository() as repository:
        fill(repository, runs=0)
        return add_sweep(repository, **how)


def test_without_datasets_it_leads_to_their_import(app: AppTest) -> None:
    opened(app)
    assert "No datasets yet." in reading.texts(app)
    assert "No sweeps yet. Start one above, or with: python -m engine sweep run" in reading.texts(app)


def test_a_sweep_is_started(app: AppTest, no_worker_is_started: list[str]) -> None:
    with Repository() as repository:
        fill(repository, runs=0)
    opened(app)
    assert app.text_input(key="widget.s.learning_rate").value == "0.002..0.1:log"
    assert "20 runs; 20% of the images are held out to compare them." in reading.texts(app)
    app.text_input(key="widget.s.batch_size").set_value("two").run()
    assert "expected whole numbers, got 'two'" in app.error[0].value
    app.text_input(key="widget.s.batch_size").set_value("2,8").run()
    app.number_input(key="widget.s.trials").set_value(5).run()
    app.selectbox(key="widget.s.objective").set_value("smooth").run()
    app.button(key="start-sweep").click().run()
    assert not app.exception
    with Repository() as repository:
        (sweep,) = repository.sweeps.find()
    asked = sweeps.request_of(sweep)
    assert asked.vary == ("learning_rate=0.002..0.1:log", "batch_size=2,8")
    assert (asked.trials, asked.objective, asked.config.dataset) == (5, "smooth", DATASET)
    assert no_worker_is_started == ["worker"]
    assert "Running: 0 of 5 trials finished." in app.get("progress")[0].proto.text


def test_a_sweep_is_shown_with_all_there_is(app: AppTest) -> None:
    filled()
    opened(app)
    assert len(app.get("plotly_chart")) == 3
    alts = [each.proto.alt for each in app.get("plotly_chart")]
    assert alts[0].startswith("ASR of 11 trials; the best is trial ")
    assert alts[1].startswith("One line for each of 10 trials across the varied settings and ASR.")
    assert alts[2].endswith("the most important is Learning rate.")
    axes = reading.figure(app, 1)["layout"]["yaxis"]["ticktext"]
    assert axes == ["Learning rate", "Batch size", "Losses", "ASR"]
    rows = app.dataframe[0].value
    assert list(rows["State"])[2:5] == ["Pruned", "Succeeded", "Failed"]
    assert sum("★" in each for each in rows["Trial"]) == 1
    assert "expected memory, got none" in [each.value for each in app.warning]
    assert "Best patches" in reading.texts(app)
    labels = [each.label for each in app.get("page_link")]
    assert labels.count("View the patch") == 6
    assert labels.count("Generate with these settings") == 7


def test_one_that_has_just_begun(app: AppTest) -> None:
    filled(trials=1, state="running")
    opened(app)
    assert len(app.get("plotly_chart")) == 1
    assert len(app.dataframe[0].value) == 1


def test_a_sweep_is_cancelled(app: AppTest) -> None:
    sweep = filled(trials=2, state="running")
    opened(app, sweep=sweep.id)
    app.button(key="sweep-cancel").click().run()
    assert not app.exception
    with Repository() as repository:
        assert repository.sweeps.get(sweep.id).state == "cancelled"
    assert "Cancelled: 2 of 2 trials finished." in app.get("progress")[0].proto.text


def test_one_whose_runs_are_paused_goes_on(app: AppTest, no_worker_is_started: list[str]) -> None:
    sweep = filled(trials=2, state="running")
    with Repository() as repository:
        job = repository.jobs.add(kind="generate", label="a", request={}, group_id=sweep.id)
        repository.sweeps.add_trial(sweep.id, 3, sweep.trials[0].settings, [job.id])
        queue.pause(repository, job.id)
    opened(app)
    assert "Its runs are paused or interrupted." in [each.value for each in app.warning]
    app.button(key="sweep-go-on").click().run()
    with Repository() as repository:
        assert repository.jobs.get(job.id).state == "queued"
    assert no_worker_is_started == ["worker"]
