# SPDX-License-Identifier: AGPL-3.0-only
"""Finished runs side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
import streamlit as st

from dashboard.services import runs
from engine.errors import JobError
from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill


@pytest.fixture(autouse=True)
def forgotten() -> None:
    st.cache_data.clear()


def test_an_empty_home_has_nothing_to_compare() -> None:
    assert runs.candidates() == {}
    assert runs.candidates((7,)) == {}
    assert runs.compared(()) == []
    assert runs.losses(7) == []
    assert runs.differing([]) == {}
    assert runs.scored_alike([])


def test_finished_generations_are_offered_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with Repository() as repository:
        fill(repository, runs=3)
        add_running(repository)
    assert runs.candidates() == {3: "Run 2", 2: "Run 1", 1: "Run 0"}
    monkeypatch.setattr(runs, "LISTED", 1)
    st.cache_data.clear()
    assert list(runs.candidates((1, 4, 99))) == [3, 1]  # the linked one, not what runs or is not there


def test_runs_come_with_patch_scores_and_what_differs() -> None:
    with Repository() as repository:
        fill(repository, runs=2)
    first, second = found = runs.compared((2, 1))
    assert [run.job.id for run in found] == [2, 1]
    assert first.patch is not None
    assert first.evaluation == first.patch.score.evaluation  # type: ignore[union-attr]
    assert first.scored_on == ("streets", "demo", "person")
    differing = runs.differing(found)
    assert differing["seed"] == [1, 0]
    assert "dataset" not in differing
    assert runs.scored_alike(found)
    assert len(runs.losses(second.job.id)) == 60


def test_runs_of_other_classes_are_not_held_against_each_other() -> None:
    classes = {"dataset": ["pedestrian"], "detector": "person"}
    with Repository() as repository:
        fill(repository, runs=2)
    same, other = runs.compared((1, 2))
    assert other.patch is not None
    assert other.patch.score is not None
    score = replace(other.patch.score, class_name="pedestrian → person")
    other = replace(other, patch=replace(other.patch, score=score))
    assert other.scored_on == ("streets", "demo", "pedestrian → person")
    assert not runs.scored_alike([same, other])
    gone = replace(other, patch=None, job=replace(other.job, result={"classes": classes}))
    assert gone.scored_on == other.scored_on


def test_a_run_of_an_older_version_does_not_differ_by_what_it_could_not_be_asked() -> None:
    with Repository() as repository:
        fill(repository, runs=2)
    first, second = runs.compared((1, 2))
    config = dict(second.job.request["config"])
    del config["detector_class"]
    config["compile"] = False  # as it was once
    older = replace(second, job=replace(second.job, request={"config": config}))
    assert runs.differing([first, older]) == runs.differing([first, second])


def test_without_its_patch_a_run_has_the_scores_of_its_own_record() -> None:
    with Repository() as repository:
        fill(repository, runs=1)
        repository.patches.delete(1)
        job = repository.jobs.get(1)
    (run,) = runs.compared((1,))
    assert (run.patch, run.evaluation) == (None, None)
    assert run.scored_on == ("streets", "demo", "person")
    scored = replace(job, result={"evaluation": {"patch": {}}})
    assert runs.Run(job=scored, patch=None).evaluation == {"patch": {}}


def test_what_cannot_be_compared_is_told() -> None:
    with Repository() as repository:
        job = add_running(repository)
    with pytest.raises(JobError, match=r"expected a successful patch generation, got generate \(running\)"):
        runs.compared((job.id,))


def test_the_first_choice_is_of_runs_whose_scores_compare(own_home: object) -> None:
    assert runs.first_choice([]) == []
    with Repository() as repository:
        fill(repository, runs=3, steps=1)
        with repository.connection.transaction():
            repository.connection.rows(
                "UPDATE scores SET subject = json_set(subject, '$.dataset', 'other') WHERE patch_id = 2"
            )
    assert runs.first_choice([3, 2, 1]) == [3, 1]
    assert runs.first_choice([3, 2]) == [3, 2]
    assert runs.first_choice([3]) == []
