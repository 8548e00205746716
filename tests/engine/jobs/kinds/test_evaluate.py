# SPDX-License-Identifier: AGPL-3.0-only
"""An evaluation scores a patch that is there, and leaves its scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import PatchFileError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import queue
from engine.jobs.kinds.evaluate import Evaluate, EvaluateRequest
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut

DEMO = RunConfig(dataset="demo", weights="demo", seed=3)


def test_an_evaluation_leaves_scores(
    repository: Repository, settings: Callable[..., RunConfig], tmp_path: Path, carry_out: CarryOut
) -> None:
    path = tmp_path / "p.npy"
    np.save(path, np.full((3, 16, 16), 0.5, dtype=np.float32))
    how = EvaluationConfig(resamples=10, min_score=0.3)
    queue.submit(repository, "evaluate", EvaluateRequest(config=settings(), patch=str(path), settings=how))
    _, scores, folder = carry_out()
    assert json.loads((folder / "evaluation.json").read_text()) == scores == Evaluate().scores(scores)
    assert scores["settings"]["min_score"] == 0.3
    (patch,) = repository.patches.find()
    (score,) = repository.patches.scores(patch.id)
    assert score.job_id == 1
    assert repository.jobs.get(1).progress.unit == "images"


def test_a_patch_must_be_there_unless_it_is_still_to_come(tmp_path: Path) -> None:
    request = EvaluateRequest(config=DEMO, patch=str(tmp_path / "none.npy"))
    with pytest.raises(PatchFileError, match=r"none.npy: expected a patch file .* found none"):
        Evaluate().check(request, waits=False)
    Evaluate().check(request, waits=True)


def test_without_settings_it_takes_the_seed_alone() -> None:
    assert EvaluateRequest(config=DEMO, patch="p.npy").settings == EvaluationConfig(seed=3)
    how = EvaluationConfig(iou=0.7)
    assert EvaluateRequest(config=DEMO, patch="p.npy", settings=how).settings == how


def test_it_holds_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = EvaluateRequest(config=DEMO, patch="p.npy").absolute()
    assert (request.patch, request.config) == (str(tmp_path / "p.npy"), DEMO)
    assert Evaluate().label(request, {}) == "p · person · demo · demo"
