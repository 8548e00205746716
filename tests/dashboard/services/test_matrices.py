# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices as the page lists, starts and deletes them, and what a cell's patch does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboard.services import detectors, matrices
from engine.errors import JobError, PatchFileError, SettingsError
from engine.jobs.estimates import cost_key
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, SIDE, add_matrix, fill

ASKED: dict[str, Any] = {
    "patches": [1],
    "detectors_": ["demo"],
    "datasets_": [DATASET],
    "defences_": ["none"],
    "class_name": ["person"],
    "detector_class": "",
    "image_size": SIDE,
    "max_images": 0,
}


@pytest.fixture(autouse=True)
def forget() -> None:
    for each in (matrices.find, matrices.get, matrices.active, matrices.patch_options, detectors.detectors):
        each.clear()


def test_without_matrices_there_is_none() -> None:
    assert (matrices.find(), matrices.active(), matrices.patch_options()) == ([], [], {})
    with pytest.raises(JobError, match="matrix 1: expected an existing one"):
        matrices.get(1)


def test_matrices_are_listed_shown_and_deleted() -> None:
    with Repository() as repository:
        patches = fill(repository, runs=2, steps=2)
        made = add_matrix(repository, patches)
    assert [each.id for each in matrices.find()] == [made.id]
    matrix = matrices.get(made.id)
    assert (len(matrix.cells), matrices.class_names(matrix)) == (6, ("person",))
    assert matrices.patch_options() == {2: "Run 1", 1: "Run 0"}
    assert json.loads(matrices.as_json(matrix))["total"] == 6
    matrices.delete(made.id)
    assert matrices.find() == []


def test_a_matrix_is_queued_with_a_worker(no_worker_is_started: list[str]) -> None:
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
    request = matrices.request_of(**ASKED)
    assert matrices.estimate(request) is None
    with Repository() as repository:
        cost = {"images_per_s": 1.0, "evaluated_per_s": 4.0, "overhead_s": 2.0, "peak_memory_bytes": 1}
        repository.costs.put(cost_key(request.cell_config(DATASET, "demo")), **cost)
    assert matrices.estimate(request) == 2.0 + 7 * 4 / 4.0  # seven images, one clean, grey, noise, patch
    job = matrices.start(request)
    assert (job.kind, job.request["patches"], no_worker_is_started) == ("matrix", ["1"], ["worker"])
    assert [each.id for each in matrices.active()] == [job.id]


def test_what_cannot_be_scored_is_refused(outside: str) -> None:
    with pytest.raises(SettingsError, match="PATCHBENCH_ROOTS"):
        matrices.request_of(**ASKED | {"detectors_": [outside]})
    with pytest.raises(PatchFileError, match="patch 1: expected an existing patch"):
        matrices.start(matrices.request_of(**ASKED))


def test_a_cells_images_are_asked_for_by_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)
    with Repository() as repository:
        matrix = add_matrix(repository, fill(repository, runs=1, steps=2))
    patch = matrix.request["patches"][0]
    preview = matrices.before_after(matrix, (patch, "yolo11n", DATASET), "bit-depth", indices=[1])
    asked = preview.request
    assert asked["defences"] == ["bit-depth"]
    assert (asked["kind"], asked["indices"], asked["trust"]) == ("before_after", [1], False)
    assert (asked["weights"][0], asked["image_size"], asked["min_score"]) == ("yolo11n", SIDE, 0.25)
