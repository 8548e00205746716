# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices are stored cell by cell, go on after an interruption or a failure, and are found again."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import JobError, StorageError
from engine.store.matrices import Matrix, MatrixCell
from engine.store.repository import Repository

KEY = {"request": 1}
REQUEST = {"patches": ["1", "2"], "detectors": ["a", "b"], "datasets": ["streets"]}
FACTS = {"patches": {"1": {"name": "one"}}}
EVALUATION = {"patch": {"asr": 0.5}, "controls": {}, "settings": {}}


def cell(patch: str = "1", detector: str = "a", **outcome: Any) -> MatrixCell:
    subject = {"patch": patch, "detector": detector, "dataset": "streets", "defence": "none"}
    return MatrixCell(subject=subject, scored_at=5.0, **{"evaluation": EVALUATION, **outcome})


def begun(repository: Repository, key: dict[str, Any] = KEY, **how: Any) -> Matrix:
    return repository.matrices.begin(key, label="two on two", request=REQUEST, facts=FACTS, **how)


def test_nothing_is_found_in_an_empty_database(repository: Repository) -> None:
    assert repository.matrices.find() == []
    for ask in (repository.matrices.get, repository.matrices.delete):
        with pytest.raises(
            JobError, match="matrix 1: expected an existing one, found none; see: matrix list"
        ):
            ask(1)


def test_a_matrix_comes_back_with_its_cells(repository: Repository) -> None:
    matrix = begun(repository)
    assert (matrix.state, matrix.attempt, matrix.total, matrix.ended) == ("running", 1, 4, 0)
    cells = [cell(facts={"own": True}), cell("2", evaluation=None, error="no such weights")]
    for each in cells:
        repository.matrices.add_cell(matrix, each)
    finished = repository.matrices.finish(matrix)
    assert finished == repository.matrices.get(matrix.id)
    assert sorted(finished.cells, key=lambda each: each.subject["patch"]) == cells
    assert (finished.state, finished.ended, finished.failed) == ("finished", 2, 1)
    asked = REQUEST | {"defences": ["none"]}
    assert (finished.label, finished.request, finished.facts) == ("two on two", asked, FACTS)
    (listed,) = repository.matrices.find()
    assert (listed.cells, listed.ended, listed.failed) == ((), 2, 1)


def test_it_goes_on_without_what_failed_and_its_former_attempt_adds_nothing(repository: Repository) -> None:
    first = begun(repository)
    repository.matrices.add_cell(first, cell())
    repository.matrices.add_cell(first, cell("2", evaluation=None, error="no such weights"))
    repository.matrices.interrupt(first)
    assert repository.matrices.get(first.id).state == "interrupted"
    second = begun(repository)
    assert (second.id, second.attempt, second.state, second.cells) == (first.id, 2, "running", (cell(),))
    with pytest.raises(StorageError, match="expected to be the only process that scores it"):
        repository.matrices.add_cell(first, cell("2"))
    repository.matrices.interrupt(first)
    assert repository.matrices.get(first.id).state == "running"
    repository.matrices.finish(second)
    with pytest.raises(StorageError, match="only process"):
        repository.matrices.finish(second)
    third = begun(repository)
    assert (third.id, third.state, third.finished_at) == (first.id, "running", None)


def test_fresh_ones_and_those_of_another_key_begin_anew(repository: Repository) -> None:
    numbers = [begun(repository).id, begun(repository, {"request": 2}).id, begun(repository, fresh=True).id]
    assert numbers == [1, 2, 3]
    assert begun(repository).id == 3
    assert [matrix.id for matrix in repository.matrices.find(limit=2)] == [3, 2]


def test_cells_go_with_their_matrix_and_it_outlives_its_job(repository: Repository) -> None:
    job = repository.jobs.add(kind="matrix", label="m", request={})
    matrix = begun(repository, job_id=job.id)
    repository.matrices.add_cell(matrix, cell())
    assert repository.matrices.get(matrix.id).job_id == job.id
    repository.jobs.delete(job.id)
    assert repository.matrices.get(matrix.id).job_id is None
    assert repository.matrices.delete(matrix.id).cells == (cell(),)
    assert repository.connection.value("SELECT count(*) FROM matrix_cells") == 0


def test_what_was_stored_before_there_were_defences_has_none(repository: Repository) -> None:
    matrix = begun(repository)
    old = {"patch": "1", "detector": "a", "dataset": "streets"}
    repository.matrices.add_cell(matrix, MatrixCell(subject=old, scored_at=5.0, evaluation=EVALUATION))
    read = repository.matrices.get(matrix.id)
    assert (read.request["defences"], read.total) == (["none"], 4)
    assert read.cells == (cell(),)
