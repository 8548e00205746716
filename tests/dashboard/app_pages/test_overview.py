# SPDX-License-Identifier: AGPL-3.0-only
"""The overview: the demo on an empty database, figures, what runs, what is next."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill


def test_an_empty_database_offers_the_demo_in_one_click(
    app: AppTest, no_worker_is_started: list[str]
) -> None:
    app.run()
    assert {each.label: each.value for each in app.metric}["Datasets"] == "0"
    app.button(key="run-demo").click().run()
    assert not app.error
    with Repository() as repository:
        first, second = repository.jobs.find(order="oldest")
    assert (first.kind, first.request["source"]) == ("import", "demo")
    assert (second.kind, second.waits_for) == ("generate", first.id)
    assert no_worker_is_started == ["worker"]
    assert not any(each.key == "run-demo" for each in app.button)


def test_a_filled_database_shows_its_figures_and_its_patches(app: AppTest) -> None:
    with Repository() as repository:
        patches = fill(repository)
    app.run()
    figures = {each.label: each.value for each in app.metric}
    assert (figures["Datasets"], figures["Jobs done"], figures["Jobs waiting"]) == ("1", "3", "0")
    texts = " ".join(each.value for each in app.markdown)
    assert all(patch.name in texts for patch in patches)
    strongest = max(patches, key=lambda patch: patch.score.asr)
    assert f"ASR {strongest.score.asr:.0%}" in " ".join(each.value for each in app.caption)


def test_the_running_job_shows_its_progress(app: AppTest) -> None:
    with Repository() as repository:
        fill(repository, runs=1)
        add_running(repository)
    app.run()
    assert app.get("progress")[0].proto.text.startswith("Optimising · 120 / 240 steps")


def test_a_job_that_failed_is_named_with_its_error(app: AppTest) -> None:
    with Repository() as repository:
        job = repository.jobs.add(kind="import", label="Import x", request={})
        with repository.connection.transaction():
            repository.connection.rows("UPDATE jobs SET state = 'failed', error = 'no such folder'")
    app.run()
    assert job.id
    assert "no such folder" in app.warning[0].value
