# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch comes from and what came of it: nothing known, all of it, what is gone."""

from __future__ import annotations

import json

import pytest
import streamlit as st

from dashboard.services.lineage import lineage
from engine.config import RunConfig
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_matrix, fill


@pytest.fixture(autouse=True)
def nothing_remembered(own_home: object) -> None:
    st.cache_data.clear()


def test_of_nothing_nothing_is_known() -> None:
    for job, patch in ((None, None), (7, 9)):
        found = lineage(job, patch)
        assert (found.before, found.after) == ([], [])


def test_a_patch_knows_its_parents_and_its_children() -> None:
    with Repository() as repository:
        first, second = fill(repository, runs=2, steps=2)
        training = repository.jobs.add(kind="train", label="trained", request={})
        weights = repository.weights.put(
            name="demo", path="demo", checksum="c", family="f", origin={"job_id": training.id}
        )
        summary = json.dumps(second.summary | {"weights_sha256": "c", "config": {"initial": first.path}})
        with repository.connection.transaction():
            repository.connection.rows("UPDATE patches SET summary = ? WHERE id = ?", [summary, second.id])
            repository.connection.rows("UPDATE jobs SET origin = 1 WHERE id = 2")
        config = RunConfig(dataset=DATASET, weights="demo", initial=second.path)
        child = repository.jobs.add(kind="generate", label="child", request={"config": config.to_json()})
        matrix = add_matrix(repository, [second])
    found = lineage(2, second.id)
    assert [(each.kind, each.page, each.parameters) for each in found.before] == [
        ("dataset", "datasets", {"dataset": DATASET}),
        ("detector", "detectors", {"number": weights.id}),
        ("training", "jobs", {"job": training.id}),
        ("start", "patches", {"patch": first.id}),
        ("origin", "jobs", {"job": 1}),
    ]
    assert [(each.kind, each.parameters) for each in found.after] == [
        ("generate", {"job": child.id}),
        ("matrix", {"matrix": matrix.id}),
    ]


def test_what_is_gone_has_a_name_and_no_link() -> None:
    with Repository() as repository:
        (patch,) = fill(repository, runs=1, steps=2)
        repository.datasets.delete(DATASET)
    found = lineage(None, patch.id)
    assert [(each.kind, each.name, each.page) for each in found.before] == [
        ("dataset", DATASET, ""),
        ("detector", "demo", ""),
    ]
