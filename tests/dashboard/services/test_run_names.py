# SPDX-License-Identifier: AGPL-3.0-only
"""A run's job and its patch share a name and notes."""

from __future__ import annotations

from dashboard.services import run_names
from engine.store.repository import Repository
from tests.dashboard.homes import fill


def test_both_are_named_and_an_empty_name_leaves_theirs(own_home: object) -> None:
    with Repository() as repository:
        (patch,) = fill(repository, runs=1, steps=2)
        run_names.give(repository, job=None, patch=None, name="nobody", notes="")
        run_names.give(repository, job=1, patch=patch.id, name=" best ", notes=" mine ")
        run_names.give(repository, job=1, patch=None, name="  ", notes="")
        job, named = repository.jobs.get(1), repository.patches.get(patch.id)
    assert (job.label, job.notes) == ("best", "")
    assert (named.name, named.notes) == ("best", "mine")
