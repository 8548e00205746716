# SPDX-License-Identifier: AGPL-3.0-only
"""A column shares clean detections between patches, which are known by number, file and origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import DetectorError, PatchFileError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.patch_records import import_patch
from engine.patch.arrays import write_patch_array
from engine.records import Evaluation
from engine.runs.commands import evaluate
from engine.runs.imports import open_dataset
from engine.runs.matrix import Column, OpenDetector, changed_ns, matrix_patch, open_detector
from engine.store.repository import Repository
from tests.fakes import FakeDetector

Settings = Callable[..., RunConfig]
HOW = EvaluationConfig(resamples=10)
NET = OpenDetector(weights="net.pt", detector=FakeDetector(), checksum="abc", changed_ns=None)


def whole(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as a cell keeps it, which leaves out the scores by image."""
    return replace(evaluation, by_image={}).to_json()


def written(path: Path, seed: int = 0, side: int = 16) -> Path:
    np.save(path, np.random.default_rng(seed).random((3, side, side), dtype=np.float32))
    return path


def test_a_column_scores_as_an_evaluation_does_and_looks_at_clean_images_once(
    repository: Repository, settings: Settings, tmp_path: Path
) -> None:
    config = settings()
    circle = np.zeros((16, 16), dtype=bool)
    circle[4:12, 4:12] = True
    write_patch_array(tmp_path, np.random.default_rng(2).random((3, 16, 16), dtype=np.float32), circle)
    files = [written(tmp_path / "a.npy", 0), written(tmp_path / "b.npy", 1), tmp_path / "patch.png"]
    patches = [matrix_patch(repository, str(file)) for file in files]
    assert len({patch.shape for patch in patches}) == 2
    seen: list[int] = []
    detector = open_detector(config.weights, device="cpu", trust=False)
    column = Column(open_dataset(config.dataset), detector, config, HOW, seen.append)
    found = [column.evaluate(patch).to_json() for patch in patches]
    images = found[0]["settings"]["images"]
    assert sum(seen) == images * (1 + 2 * 2 + 3)
    assert found == [whole(evaluate(config, file, settings=HOW)) for file in files]


def test_a_class_that_the_detector_lacks_is_refused(settings: Settings) -> None:
    config = settings(detector_class="cat")
    detector = open_detector(config.weights, device="cpu", trust=False)
    with pytest.raises(DetectorError, match="there is no class 'cat' in the detector"):
        Column(open_dataset(config.dataset), detector, config, HOW, lambda images: None)


def test_a_patch_is_known_by_its_number_and_by_its_file(repository: Repository, tmp_path: Path) -> None:
    file = written(tmp_path / "p.npy")
    alone = matrix_patch(repository, str(file))
    assert (alone.record, alone.to_json()["id"], alone.to_json()["name"]) == (None, None, "p")
    assert (alone.made_on(NET), alone.held_out("streets")) == (False, None)
    record = import_patch(repository, file, "mine")
    for key in (str(record.id), str(file)):
        patch = matrix_patch(repository, key)
        assert (patch.key, patch.record, patch.sha256) == (key, record, alone.sha256)
        assert patch.to_json() == {
            "id": record.id,
            "name": "mine",
            "path": str(patch.path),
            "sha256": patch.sha256,
            "made_through": None,
        }
    assert matrix_patch(repository, str(record.id)).path == Path(record.path)


@pytest.mark.parametrize("key", ["9", "none.npy"])
def test_a_patch_that_is_not_there_is_told(repository: Repository, key: str) -> None:
    with pytest.raises(PatchFileError, match=f"{key}: expected"):
        matrix_patch(repository, key)


@pytest.mark.parametrize(
    ("summary", "own"),
    [
        ({}, False),
        ({"weights_sha256": "abc", "backend": "native"}, True),
        ({"weights_sha256": "other", "backend": "native", "config": {"weights": "net.pt"}}, False),
        ({"weights_sha256": "unfolded", "backend": "art", "config": {"weights": "net.pt"}}, True),
        ({"weights_sha256": "unfolded", "backend": "art", "config": {"weights": "other.pt"}}, False),
    ],
)
def test_a_patch_knows_the_detector_and_the_images_that_it_was_made_on(
    repository: Repository, tmp_path: Path, summary: dict[str, Any], own: bool
) -> None:
    record = import_patch(repository, written(tmp_path / "p.npy"))
    patch = matrix_patch(repository, str(record.id))
    made = replace(patch, record=replace(record, summary=summary, dataset="streets"))
    assert made.made_on(NET) is own
    assert (made.held_out("streets"), made.held_out("fields")) == (False, True)


@pytest.mark.parametrize(
    ("summary", "made_through", "adaptive"),
    [
        ({}, None, False),
        ({"config": {"dataset": "streets"}}, "none", False),
        ({"config": {"defences": ["bit-depth"]}}, "bit-depth", True),
        ({"config": {"defences": ["bit-depth", "bit-depth:bits=3"]}}, "bit-depth+bit-depth:bits=3", False),
    ],
)
def test_a_patch_is_adaptive_where_it_was_made_through_the_very_defence(
    repository: Repository, tmp_path: Path, summary: dict[str, Any], made_through: str | None, adaptive: bool
) -> None:
    record = import_patch(repository, written(tmp_path / "p.npy"))
    patch = matrix_patch(repository, str(record.id))
    made = replace(patch, record=replace(record, summary=summary | {"weights_sha256": "abc"}))
    assert (made.made_through, made.adaptive_to(NET, "bit-depth")) == (made_through, adaptive)
    assert not made.adaptive_to(replace(NET, checksum="other"), "bit-depth")


@pytest.mark.parametrize("defences", [(), ("bit-depth:bits=1",)])
def test_a_column_judges_behind_its_defence_and_tells_what_it_costs(
    repository: Repository, settings: Settings, tmp_path: Path, defences: tuple[str, ...]
) -> None:
    config = settings(defences=defences)
    file = written(tmp_path / "a.npy")
    detector = open_detector(config.weights, device="cpu", trust=False)
    column = Column(open_dataset(config.dataset), detector, config, HOW, lambda images: None)
    found = column.evaluate(matrix_patch(repository, str(file)))
    assert found.to_json() == whole(evaluate(config, file, settings=HOW))
    assert set(column.speed) == {"ms_per_image", "undefended_ms_per_image"}
    assert min(column.speed.values()) > 0
    assert (column.speed["ms_per_image"] == column.speed["undefended_ms_per_image"]) is not bool(defences)


def test_a_detector_tells_what_it_is(settings: Settings) -> None:
    weights = settings().weights
    opened = open_detector(weights, device="cpu", trust=False)
    changed = Path(weights).stat().st_mtime_ns
    assert opened.facts == {
        "name": "tiny",
        "checksum": opened.detector.checksum(),
        "changed_ns": changed,
    }
    assert [changed_ns(each) for each in (weights, "yolo-none")] == [changed, None]
