# SPDX-License-Identifier: AGPL-3.0-only
"""The jobs page from the entry file: empty, filled, one job, what is asked of it."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.services import jobs
from engine.jobs import queue
from engine.records import Job
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import add_running, fill, make_steps
from tests.dashboard.reading import lines, texts

opened = partial(reading.opened, "jobs")


def add(label: str = "Import demo", **how: Any) -> Job:
    with Repository() as repository:
        return repository.jobs.add(kind="import", label=label, request={"source": "demo"}, **how)


def state_of(job: Job) -> str:
    with Repository() as repository:
        return repository.jobs.get(job.id).state


def test_an_empty_queue_says_what_to_do(app: AppTest) -> None:
    assert "No jobs yet." in texts(opened(app))
    links = [each.proto.label for each in app.main if each.type == "page_link"]
    assert links == ["Start with the demo"]  # not Generate, which would only lead on to Datasets
    assert not app.exception
    assert not app.dataframe


def test_finished_and_running_jobs_are_listed(app: AppTest) -> None:
    with Repository() as repository:
        fill(repository, runs=2, steps=3)
        add_running(repository)
    opened(app)
    assert not app.exception
    assert not app.error
    table = app.dataframe[0].value
    assert list(table)[:3] == ["Number", "State", "ASR"]  # what a phone shows
    assert list(table["Name"]) == ["Run in progress", "Run 1", "Run 0"]
    assert list(table["State"]) == ["Running", "Succeeded", "Succeeded"]
    assert list(table["Progress"]) == [0.5, 1.0, 1.0]
    assert "Node" not in table
    assert "3 jobs. Click one to open it." in texts(app)


def test_where_a_job_runs_is_told(app: AppTest) -> None:
    with Repository() as repository:
        job = add_running(repository)
        with repository.connection.transaction():
            repository.connection.rows("UPDATE jobs SET node = 'gpu-1', node_device = 'cuda:3'")
    opened(app)
    assert list(app.dataframe[0].value["Node"]) == ["gpu-1, cuda:3"]
    assert "Running on node gpu" in texts(opened(app, job=job.id))  # the rest is escaped


def test_jobs_are_searched_filtered_and_ordered(app: AppTest) -> None:
    for label in ("b", "a", "other"):
        add(label, tags=["x"] if label != "other" else [])
    opened(app)
    app.text_input(key="widget.jobs.text").input("x").run()
    app.selectbox(key="widget.jobs.order").select("label").run()
    assert list(app.dataframe[0].value["Name"]) == ["a", "b"]
    assert app.query_params["jobs.text"] in ("x", ["x"])
    app.multiselect(key="widget.jobs.states").select("failed").run()
    assert "No jobs match." in texts(app)
    app.multiselect(key="widget.jobs.states").unselect("failed").run()
    assert list(app.dataframe[0].value["Name"]) == ["a", "b"]


def test_a_link_opens_the_search_again(app: AppTest) -> None:
    add("a")
    add("b")
    opened(app, **{"jobs.text": "b", "jobs.kinds": "import,nonsense", "jobs.page": "7"})
    assert list(app.dataframe[0].value["Name"]) == ["b"]
    assert app.multiselect(key="widget.jobs.kinds").value == ["import"]


def test_a_job_that_is_not_there_is_told(app: AppTest) -> None:
    add()
    opened(app, failing=True, job=99)
    assert [each.value for each in app.error] == ["job 99: expected an existing job, found none"]
    assert app.title[0].value == "Jobs"


def test_a_finished_run_shows_what_came_of_it(app: AppTest) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    opened(app, job=patch.job_id)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == "Run 0"
    figures = {each.label: each.value for each in app.metric}
    assert figures["Duration"] == "1 min 30 s"
    assert figures["Loss"] not in ("–", "")  # noqa: RUF001
    assert list(app.dataframe[0].value["Condition"]) == ["Patch", "No patch", "Grey patch", "Noise patch"]
    assert {each.key for each in app.button} >= {"job-retry", "job-delete"}
    assert "job-cancel" not in {each.key for each in app.button}
    assert [alt.partition(":")[0] for _spec, alt, _data in lines(app)] == [
        f"Loss of job {patch.job_id}",
        "Throughput of the run over time.",
    ]


def test_a_running_jobs_steps_are_drawn_into_the_same_charts(app: AppTest) -> None:
    with Repository() as repository:
        job = add_running(repository)
        steps = make_steps(random.Random(1), 40)
        repository.steps.add(job.id, steps[:20])
        before = lines(opened(app, job=job.id))
        repository.steps.add(job.id, steps[20:])
    jobs.steps.clear()
    after = lines(app.run())
    assert len(before) == 2
    assert [each[:2] for each in before] == [each[:2] for each in after]
    assert all(old[2] != new[2] for old, new in zip(before, after, strict=True))


def test_losses_are_drawn_over_steps_or_seconds(app: AppTest) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    opened(app, job=patch.job_id)
    assert lines(app)[0][0]["encoding"]["x"]["title"] == "Iterations"
    opened(app, job=patch.job_id, **{"jobs.axis": "seconds"})
    assert lines(app)[0][0]["encoding"]["x"]["title"] == "Seconds"


def test_a_running_job_is_cancelled_while_its_part_refreshes(app: AppTest) -> None:
    with Repository() as repository:
        job = add_running(repository)
    opened(app, job=job.id)
    figures = {each.label: each.value for each in app.metric}
    assert figures["Throughput (images/s)"] == "12.5"
    assert "1 worker running (cpu)" in texts(app)
    app.run()
    app.button(key="job-cancel").click().run()
    with Repository() as repository:
        assert repository.jobs.get(job.id).wanted == "cancel"
    assert "Cancelling …" in texts(app)
    assert not app.error


def test_a_waiting_job_is_paused_resumed_and_cancelled(app: AppTest, no_worker_is_started: list[str]) -> None:
    first, job = add("first"), add("second")
    opened(app, job=job.id)
    assert "1 job is ahead of it." in texts(app)
    assert "No worker is running. Start one in the sidebar." in texts(app)
    app.button(key="job-front").click().run()
    assert "It is next in the queue." in texts(app)
    app.button(key="job-pause").click().run()
    assert state_of(job) == "paused"
    app.button(key="job-resume").click().run()
    assert state_of(job) == "queued"
    assert no_worker_is_started == ["worker"]
    app.button(key="job-cancel").click().run()
    assert state_of(job) == "cancelled"
    app.button(key="job-retry").click().run()
    assert app.query_params["job"] in (str(job.id + 1), [str(job.id + 1)])
    assert state_of(first) == "queued"


def test_what_a_job_waits_for_is_told(app: AppTest) -> None:
    first = add("first")
    job = add("second", waits_for=first.id)
    opened(app, job=job.id)
    assert "It starts after job 1 succeeds." in texts(app)
    assert "Waits for: 1 · first (Queued)" in [each.label for each in app.get("page_link")]


def test_what_changed_meanwhile_is_told_in_a_sentence(app: AppTest) -> None:
    job = add()
    opened(app, job=job.id)
    with Repository() as repository:
        queue.cancel(repository, job.id)
    app.button(key="job-pause").click().run()
    assert not app.exception
    assert state_of(job) == "cancelled"


def test_priority_name_notes_and_tags_are_changed(app: AppTest) -> None:
    job = add()
    opened(app, job=job.id)
    app.number_input(key="job-priority").set_value(3).run()
    app.button(key="job-set-priority").click().run()
    next(each for each in app.text_input if each.label == "Name").input("renamed")
    app.text_area[0].input("a note")
    app.button(key="job-save").click().run()
    with Repository() as repository:
        changed = repository.jobs.get(job.id)
    assert (changed.priority, changed.label, changed.notes) == (3, "renamed", "a note")
    assert app.title[0].value == "renamed"


def test_a_job_is_deleted_only_by_the_second_button(app: AppTest) -> None:
    job = add()
    add("stays")
    opened(app, job=job.id)
    app.button(key="job-delete").click().run()
    assert list(app.dataframe[0].value["Name"]) == ["stays"]
    assert "job" not in app.query_params


def test_an_engine_error_of_a_button_leaves_the_page_standing(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.errors import JobError

    def refuse(*_args: object) -> None:
        raise JobError("worker: expected one to start within 20 s, got none; see the log")

    job = add()
    with Repository() as repository:
        queue.pause(repository, job.id)
    monkeypatch.setattr("engine.jobs.queue.ensure_worker", refuse)
    opened(app, job=job.id)
    app.button(key="job-resume").click().run()
    assert [each.value for each in app.error] == [
        "worker: expected one to start within 20 s, got none; see the log"
    ]
    assert app.title[0].value == "Import demo"


def test_ten_thousand_jobs_are_listed_quickly(app: AppTest) -> None:
    with Repository() as repository:
        first = repository.jobs.add(kind="import", label="a", request={"source": "demo"}).id
        with repository.connection.transaction():
            repository.connection.rows(
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                "INSERT INTO jobs (kind, state, label, device, place, created_at, seed, code_version, "
                "request) SELECT 'import', 'succeeded', 'job ' || i, 'auto', i, 0, 0, '', '{}' FROM n"
            )
    opened(app)
    started = time.perf_counter()
    app.run()
    spent_s = time.perf_counter() - started
    assert "10,000 jobs. Click one to open it." in texts(app)
    assert spent_s < 3  # a busy machine; alone it is a fraction of a second
    app.get("pagination")[0].set_value(500).run()
    assert list(app.dataframe[0].value["Number"])[-1] == first


def test_the_presentation_mode_keeps_what_was_chosen(app: AppTest) -> None:
    add("a")
    add("b")
    opened(app, present=True, **{"jobs.text": "a"})
    assert list(app.dataframe[0].value["Name"]) == ["a"]
    assert not app.exception
