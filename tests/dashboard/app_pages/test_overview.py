# SPDX-License-Identifier: AGPL-3.0-only
"""The overview: the demo on an empty database, figures, what runs, what is next."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.config import HardeningConfig
from engine.jobs.patch_records import import_patch
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_running, fill


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
    assert (figures["Datasets"], figures["Finished jobs"], figures["Queued jobs"]) == ("1", "3", "0")
    texts = " ".join(each.value for each in app.markdown)
    assert all(patch.name in texts for patch in patches)
    strongest = max(patches, key=lambda patch: patch.score.asr)
    assert f"ASR {strongest.score.asr:.0%}" in " ".join(each.value for each in app.caption)


def test_a_patch_without_a_score_is_told_apart_by_its_number(app: AppTest, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with Repository() as repository:
        patch = import_patch(repository, tmp_path / "a.png")
    app.run()
    assert f"Patch {patch.id} · not scored" in [each.value for each in app.caption]


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


def test_what_a_patch_is_strong_against_is_hardened_in_two_clicks(
    app: AppTest, no_worker_is_started: list[str]
) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    app.run()
    app.button(key="harden-it").click().run()
    assert not app.exception
    assert "Up to 20 min 0 s." in [each.value for each in app.caption]
    opened = {each.label: each.proto.expanded for each in app.expander}
    assert (opened["Harden a detector"], opened["Train a detector"]) == (True, False)
    app.button(key="h-launch").click().run()
    with Repository() as repository:
        (job,) = repository.jobs.find(kinds=["harden"])
    assert HardeningConfig.from_json(job.request["config"]) == HardeningConfig(
        dataset=DATASET, weights="demo", class_name="person", patches=(str(patch.id),)
    )
    assert no_worker_is_started == ["worker"]


def test_what_cannot_be_hardened_is_not_offered(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.services.detectors.can_be_trained", lambda weights: False)
    with Repository() as repository:
        fill(repository, runs=1)
    app.run()
    assert "harden-it" not in [each.key for each in app.button]
