# SPDX-License-Identifier: AGPL-3.0-only
"""A matrix is asked for by its axes, refused where names are bad, carried out and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import PlacementConfig, RunConfig
from engine.errors import DatasetError, DetectorError, EngineError, PatchFileError, SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.matrix import Matrix, MatrixRequest, check_names
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut

HOW = EvaluationConfig(resamples=10, placement=PlacementConfig(scale=0.3), seed=4)
DEMO: dict[str, Any] = {"patches": ("1",), "detectors": ("demo",), "datasets": ("demo",)}


def test_it_comes_back_from_json_without_doubles_and_spaces() -> None:
    request = MatrixRequest(
        patches=("1", " 1", "", "b.npy"),
        detectors=("demo", "demo"),
        datasets=("demo",),
        class_name=("a", "b"),
        detector_class="c",
        settings=HOW,
    )
    assert (request.patches, request.detectors) == (("1", "b.npy"), ("demo",))
    assert MatrixRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert MatrixRequest(**DEMO, class_name=("person",)).class_name == "person"
    assert request.defences == ("none",)
    chains = ("none", "bit-depth:4", " bit-depth ", "bit-depth:bits=3+bit-depth")
    found = MatrixRequest(**DEMO, defences=chains).defences
    assert found == ("none", "bit-depth", "bit-depth:bits=3+bit-depth")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patches": ()}, "patches: expected one or more, got none; give them separated by commas"),
        ({"detectors": (" ",)}, "detectors: expected one or more, got none"),
        ({"datasets": (3,)}, "datasets: expected a text, got 3"),
        ({"patches": "1"}, "patches: expected a list, got '1'"),
        ({"class_name": ("a", "b")}, "detector's class: expected the one that corresponds to a, b"),
        ({"defences": ()}, "defences: expected one or more, got none"),
        ({"defences": ("none", "bit-depth+fog")}, "defence: expected one of .*, got 'fog'"),
        ({"image_size": 33}, "image size: expected a multiple of 32, got 33"),
    ],
)
def test_what_no_matrix_can_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        MatrixRequest(**DEMO | changes)


def test_a_cell_is_a_run_of_its_own() -> None:
    config = MatrixRequest(**DEMO, settings=HOW, max_images=3).cell_config("streets", "net.pt")
    assert config == RunConfig(
        dataset="streets", weights="net.pt", placement=HOW.placement, seed=4, max_images=3
    )
    classes = {"detector_class": "person", "own_detector_classes": ("human@net.pt",)}
    request = MatrixRequest(**DEMO | {"detectors": ("demo", "net.pt")}, **classes)
    asked = [request.cell_config("streets", each).detector_class for each in request.detectors]
    assert asked == ["person", "human"]
    request = MatrixRequest(**DEMO, defences=("bit-depth+bit-depth:bits=3",))
    behind = request.cell_config("streets", "net.pt", *request.defences)
    assert behind.defences == ("bit-depth", "bit-depth:bits=3")


def test_it_holds_from_any_folder_and_on_a_workers_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"")
    request = MatrixRequest(patches=("1", "p.npy"), detectors=("net.pt", "demo"), datasets=("demo",))
    made = request.absolute()
    assert made.patches == ("1", str(tmp_path / "p.npy"))
    assert (made.detectors, made.datasets) == ((str(tmp_path / "net.pt"), "demo"), ("demo",))
    assert [made.on(worker).device for worker in ("cpu:1", "cuda:1")] == ["cpu", "cuda:1"]
    kind = Matrix()
    assert kind.label(request, {}) == "Matrix 2 × 2: person on demo"  # noqa: RUF001
    behind = request.changed(defences=("none", "bit-depth"))
    assert kind.label(behind, {}).startswith("Matrix 2 × 2 × 2: ")  # noqa: RUF001
    assert behind.absolute().defences == ("none", "bit-depth")
    assert (kind.device(request), kind.seed(request.changed(settings=HOW))) == ("auto", 4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({}, PatchFileError, "patch 1: expected an existing patch, found none"),
        ({"patches": ("p.npy",)}, PatchFileError, r"p.npy: expected a patch file .* see: patch list"),
        (
            {"patches": ("here.npy",), "datasets": ("none",)},
            DatasetError,
            "'none': expected an imported dataset",
        ),
        (
            {"patches": ("here.npy",), "detectors": ("a/b.pt",)},
            DetectorError,
            "a/b.pt: expected a weight file",
        ),
    ],
)
def test_names_that_are_bad_are_told_before_it_is_queued(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    error: type[EngineError],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.npy").write_bytes(b"")
    request = MatrixRequest(**DEMO | changes)
    with pytest.raises(error, match=message):
        Matrix().check(request, waits=False)
    Matrix().check(request, waits=True)
    check_names(MatrixRequest(**DEMO | {"patches": ("here.npy",), "datasets": ("coco128",)}))


def test_a_job_scores_stops_and_goes_on(
    repository: Repository, settings: Callable[..., RunConfig], tmp_path: Path, carry_out: CarryOut
) -> None:
    for name in "pq":
        np.save(tmp_path / f"{name}.npy", np.full((3, 16, 16), 0.5, dtype=np.float32))
    config = settings()
    request = MatrixRequest(
        patches=(str(tmp_path / "p.npy"), str(tmp_path / "q.npy")),
        detectors=(config.weights,),
        datasets=(config.dataset,),
        image_size=config.image_size,
        settings=HOW,
    )
    job = queue.submit(repository, "matrix", request)
    assert (job.seed, job.estimate) == (4, {})

    def stop() -> bool:
        found = repository.matrices.find()
        return bool(found) and found[0].ended == 1

    carry_out(stop=stop, code=INTERRUPTED)
    assert repository.matrices.get(1).state == "interrupted"
    again = queue.submit(repository, "matrix", request)
    with repository.connection.transaction():
        repository.connection.rows("UPDATE jobs SET state = 'failed', running_on = NULL WHERE id = 1")
    _, result, _ = carry_out()
    assert result == {"matrix": 1, "cells": 2, "failed": 0}
    matrix = repository.matrices.get(1)
    assert (matrix.job_id, matrix.attempt, matrix.state) == (again.id, 2, "finished")
    progress = repository.jobs.get(again.id).progress
    assert (progress.phase, progress.unit, progress.done) == ("scoring", "images", progress.total)
