# SPDX-License-Identifier: AGPL-3.0-only
"""A matrix is scored cell by cell, goes on where it stopped, and survives detectors that fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import DatasetError, PatchFileError, RunInterruptedError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import matrices
from engine.jobs.kinds.matrix import MatrixRequest
from engine.jobs.matrices import run_matrix
from engine.runs.commands import evaluate
from engine.runs.matrix import open_detector
from engine.store.matrices import Matrix
from engine.store.repository import Repository
from tests.engine.tiny import IMAGE_SIZE, write_weights

Request = Callable[..., MatrixRequest]


@pytest.fixture
def request_(tmp_path: Path, blocks: Path, tiny_weights: Path) -> Request:
    """Two patches on two detectors, unless changed."""
    files = [tmp_path / f"{name}.npy" for name in "pq"]
    for seed, file in enumerate(files):
        np.save(file, np.random.default_rng(seed).random((3, 16, 16), dtype=np.float32))
    usual: dict[str, Any] = {
        "patches": tuple(map(str, files)),
        "detectors": (str(tiny_weights), str(write_weights(tmp_path / "other.pt", 2))),
        "datasets": (str(blocks),),
        "image_size": IMAGE_SIZE,
        "device": "cpu",
        "settings": EvaluationConfig(resamples=10),
    }
    return lambda **changes: MatrixRequest(**usual | changes)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The detectors that were loaded, by file."""
    names: list[str] = []

    def load(weights: str, **how: Any) -> Any:
        names.append(Path(weights).name)
        return open_detector(weights, **how)

    monkeypatch.setattr(matrices, "open_detector", load)
    return names


def outcomes(matrix: Matrix) -> dict[tuple[str, str], str | None]:
    """Patch and detector → the error of each cell."""
    return {
        (Path(cell.subject["patch"]).stem, Path(cell.subject["detector"]).stem): cell.error
        for cell in matrix.cells
    }


def test_each_cell_has_the_scores_of_an_evaluation(request_: Request, loaded: list[str]) -> None:
    seen: list[tuple[int, int]] = []
    stored: list[int] = []
    asked = request_()
    matrix = run_matrix(
        asked, progress=lambda done, total: seen.append((done, total)), stored=lambda: stored.append(1)
    )
    assert (matrix.state, matrix.ended, matrix.failed, len(stored)) == ("finished", 4, 0, 4)
    assert loaded == ["tiny.pt", "other.pt"]
    total = 2 * (1 + 2 + 2) * 5
    assert (seen[0], seen[-1]) == ((0, total), (total, total))
    assert seen == sorted(seen)
    for cell in matrix.cells:
        patch, detector, dataset = (cell.subject[name] for name in ("patch", "detector", "dataset"))
        alone = evaluate(asked.cell_config(dataset, detector), Path(patch), settings=asked.settings)
        assert cell.evaluation == json.loads(json.dumps(replace(alone, by_image={}).to_json()))
        assert (cell.facts["own"], cell.facts["held_out"]) == (False, None)
    assert matrix.facts["patches"][asked.patches[0]]["name"] == "p"


def test_each_defence_is_a_column_of_its_own(request_: Request, loaded: list[str]) -> None:
    asked = request_(defences=("none", "bit-depth:bits=1"))
    matrix = run_matrix(asked)
    assert (matrix.state, matrix.ended, matrix.total) == ("finished", 8, 8)
    assert loaded == ["tiny.pt", "other.pt"]
    for cell in matrix.cells:
        assert cell.facts["ms_per_image"] > 0
        assert cell.facts["adaptive"] is False
    undefended = [cell.evaluation for cell in matrix.cells if cell.subject["defence"] == "none"]
    for cell in (each for each in matrix.cells if each.subject["defence"] != "none"):
        patch, *place = (cell.subject[name] for name in ("patch", "dataset", "detector", "defence"))
        alone = evaluate(asked.cell_config(*place), Path(patch), settings=asked.settings)
        assert cell.evaluation == json.loads(json.dumps(replace(alone, by_image={}).to_json()))
    plain = run_matrix(request_())
    assert plain.id != matrix.id
    assert [cell.evaluation for cell in plain.cells] == undefended


def test_the_same_matrix_goes_on_where_it_stopped(request_: Request, loaded: list[str]) -> None:
    ended: list[int] = []

    def stopping(done: int, total: int) -> None:
        if len(ended) == 3:
            raise RunInterruptedError("stopped")

    with pytest.raises(RunInterruptedError):
        run_matrix(request_(), progress=stopping, stored=lambda: ended.append(1))
    with Repository() as repository:
        (matrix,) = repository.matrices.find()
    assert (matrix.state, matrix.ended) == ("interrupted", 3)
    loaded.clear()
    whole = run_matrix(request_(device="cpu", trust=True))
    assert (whole.id, whole.attempt, whole.state, whole.ended) == (matrix.id, 2, "finished", 4)
    assert loaded == ["other.pt"]
    again = run_matrix(request_())
    assert (again.id, again.cells, loaded) == (matrix.id, whole.cells, ["other.pt"])
    fresh = run_matrix(request_(), fresh=True)
    assert fresh.id != matrix.id
    assert [each.evaluation for each in fresh.cells] == [each.evaluation for each in whole.cells]


def test_ctrl_c_keeps_what_is_done(request_: Request) -> None:
    def pressed(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(RunInterruptedError, match="its finished cells are kept, run it again to continue"):
        run_matrix(request_(), progress=pressed)


def test_another_patch_makes_another_matrix(request_: Request, tmp_path: Path) -> None:
    first = run_matrix(request_())
    np.save(tmp_path / "p.npy", np.zeros((3, 16, 16), dtype=np.float32))
    assert run_matrix(request_()).id != first.id


def test_other_weights_are_scored_again(request_: Request, tmp_path: Path, loaded: list[str]) -> None:
    first = run_matrix(request_())
    write_weights(tmp_path / "other.pt", 3)
    loaded.clear()
    second = run_matrix(request_())
    assert (second.id, second.ended, loaded) == (first.id, 4, ["other.pt"])
    checksums = [
        {(cell.subject["detector"], cell.facts["checksum"]) for cell in each.cells}
        for each in (first, second)
    ]
    assert len(checksums[0] & checksums[1]) == 1


def test_a_detector_that_fails_fails_its_own_cells_and_is_tried_again(
    request_: Request, tmp_path: Path, tiny_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no weights")
    seen: list[tuple[int, int]] = []
    asked = request_(detectors=(str(broken), str(tiny_weights)))
    matrix = run_matrix(asked, progress=lambda done, total: seen.append((done, total)))
    errors = outcomes(matrix)
    assert (matrix.state, matrix.failed, seen[-1]) == ("finished", 2, (50, 50))
    assert [errors["p", "tiny"], errors["q", "tiny"]] == [None, None]
    assert "expected a zip archive written by torch.save" in str(errors["p", "broken"])
    assert sum("torch.save" in record.getMessage() for record in caplog.records) == 1
    write_weights(broken, 2)
    assert run_matrix(asked).failed == 0


def test_a_class_that_one_detector_lacks_fails_its_cells(request_: Request) -> None:
    matrix = run_matrix(request_(class_name="person", detector_class="cat"))
    assert matrix.failed == 4
    assert all("there is no class 'cat' in the detector" in str(each) for each in outcomes(matrix).values())


def test_what_nobody_foresaw_fails_a_cell_and_names_itself(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise MemoryError("no room\nat all")

    monkeypatch.setattr(matrices.Column, "evaluate", failing)
    assert set(outcomes(run_matrix(request_())).values()) == {"MemoryError: no room at all"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"patches": ("7",)}, PatchFileError, "patch 7: expected an existing patch, found none"),
        ({"datasets": ("none",)}, DatasetError, "expected an imported dataset"),
        ({"class_name": "cat"}, DatasetError, "there is no class 'cat' in the dataset"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_stored(
    request_: Request, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_matrix(request_(**changes))
    with Repository() as repository:
        assert repository.matrices.find() == []
