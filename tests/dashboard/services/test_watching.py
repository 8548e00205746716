# SPDX-License-Identifier: AGPL-3.0-only
"""Which scenes are drawn while a run goes on; the rest is tested through the page's part."""

from __future__ import annotations

from pathlib import Path

from dashboard.services import datasets, jobs, watching
from engine.config import RunConfig
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_running


def forgotten() -> None:
    for each in (datasets.summaries, jobs.view, watching.scenes):
        each.clear()


def test_without_a_dataset_there_are_none(own_home: Path) -> None:
    forgotten()
    with Repository() as repository:
        job = add_running(repository)
    assert watching.scenes(job.id) == ([], False)
    assert watching.live_patch(job.id) is None


def test_scenes_are_those_that_the_run_does_not_see(streets: None) -> None:
    forgotten()
    with Repository() as repository:
        every = add_running(repository)
        config = RunConfig(dataset=DATASET, weights="demo", validation_share=0.3).to_json()
        some = repository.jobs.add(kind="generate", label="b", request={"config": config})
    assert watching.scenes(every.id) == ([1, 2], False)
    places, unseen = watching.scenes(some.id)
    assert (len(places), unseen) == (2, True)
