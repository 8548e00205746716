# SPDX-License-Identifier: AGPL-3.0-only
"""Patches as the page lists, imports, scores and deletes them."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.services import patches
from engine.config import RunConfig
from engine.errors import DatasetError, PatchFileError, SettingsError, StorageError
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill


@pytest.fixture(autouse=True)
def forget() -> None:
    for each in (patches.get, patches.scores):
        each.clear()


def array(values: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    np.save(file, values)
    file.seek(0)
    return file


def test_a_patch_that_is_not_there_has_no_scores() -> None:
    assert patches.scores(1) == []
    with pytest.raises(PatchFileError, match="patch 1: expected an existing patch"):
        patches.get(1)


def test_an_upload_is_imported_under_its_own_name(own_home: Path) -> None:
    texels = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
    patch = patches.import_upload(array(texels), "C:\\evil\\..\\my patch.npy")
    assert (patch.name, patch.height, patch.width, patch.job_id) == ("my patch", 16, 16, None)
    assert Path(patch.path).is_relative_to(own_home)
    assert np.array_equal(np.load(io.BytesIO(patches.file_bytes(patch.path))), texels)
    assert patches.import_upload(array(texels), "a.npy", "b").name == "b"


def test_a_pickled_array_is_refused_by_the_name_of_the_upload(tmp_path: Path) -> None:
    hostile = io.BytesIO()
    np.save(hostile, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for data in (hostile.getvalue(), pickle.dumps([1]), b"", b"\x93NUMPY"):
        with pytest.raises(PatchFileError, match=r"^bad\.npy: expected"):
            patches.import_upload(io.BytesIO(data), "../bad.npy")
    with pytest.raises(PatchFileError, match=r"^bad\.exe: expected a patch as"):
        patches.import_upload(io.BytesIO(b"MZ"), "bad.exe")
    with Repository() as repository:
        assert repository.patches.count() == 0


def test_a_patch_is_edited_told_as_json_and_deleted() -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=2)[0]
    patches.edit(patch.id, name=" new ", notes="n")
    told = json.loads(patches.as_json(patch.id))
    assert (told["name"], told["notes"], len(told["scores"])) == ("new", "n", 1)
    patches.delete(patch.id)
    with Repository() as repository:
        assert repository.patches.count() == 0
    with pytest.raises(StorageError, match="expected a file, got No such file"):
        patches.file_bytes(f"{patch.image}.gone")


def test_a_score_elsewhere_is_queued_as_the_patch_was_made(no_worker_is_started: list[str]) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=2)[0]
        job = patches.score_on(patch, dataset=DATASET, weights="demo", class_name="car")
        config = RunConfig.from_json(repository.jobs.get(job.id).request["config"])
    assert (job.kind, job.state, job.request["patch"]) == ("evaluate", "queued", patch.path)
    assert (config.class_name, config.image_size, config.max_images) == ("car", 320, 0)
    mapped = {"class_name": ("person", "car"), "detector_class": "person"}
    job = patches.score_on(patch, dataset=DATASET, weights="demo", **mapped)
    assert job.label == f"Run 0 · person, car → person · demo · {DATASET}"
    assert (
        job.request["config"].items() >= {"class_name": ["person", "car"], "detector_class": "person"}.items()
    )
    assert no_worker_is_started == ["worker", "worker"]


def test_weights_outside_the_allowed_folders_are_refused(
    outside: str, no_worker_is_started: list[str]
) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=2)[0]
    subject = {"dataset": DATASET, "weights": outside, "class_name": "person"}
    with pytest.raises(SettingsError, match="expected a path below"):
        patches.score_on(patch, **subject)
    with pytest.raises(SettingsError, match="expected a path below"):
        patches.before_after(patch, indices=[1], **subject)
    assert no_worker_is_started == []


def test_before_and_after_is_asked_once_and_answered_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", asked.append)
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=2)[0]
        how: dict[str, Any] = {
            "dataset": DATASET,
            "weights": "demo",
            "class_name": "person",
            "indices": [1, 2],
        }
        preview = patches.before_after(patch, **how)
        assert preview.state == "queued"
        assert preview.request["image_size"] == 320
        repository.previews.answer(preview.key, {"images": []})
        assert patches.before_after(patch, **how).answer == {"images": []}
        assert len(asked) == 1
        with pytest.raises(DatasetError, match="nowhere"):
            patches.before_after(patch, **how | {"dataset": "nowhere"})
