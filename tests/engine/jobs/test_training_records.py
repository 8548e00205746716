# SPDX-License-Identifier: AGPL-3.0-only
"""Trained weights on record: their name, their copy, what they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config import home_folder
from engine.errors import StorageError
from engine.jobs.training_records import record_weights, weights_name
from engine.store.repository import Repository
from tests.engine.store.factories import make_job

JOB = make_job(id=3, kind="train", state="running")


def summary(weights: Path, **changes: Any) -> dict[str, Any]:
    return {
        "weights": str(weights),
        "weights_sha256": "abc",
        "config": {"weights": "/nets/yolo11n.pt", "image_size": 640},
        "detector": {"name": "yolo11n", "family": "yolo11", "class_names": ["person"]},
        "dataset": {
            "name": "streets",
            "records_sha256": "r",
            "synthetic": False,
            "images": 8,
            "held_out": 2,
        },
        "parent": {"weights": "yolo11n", "weights_sha256": "p"},
        "strategy": "head",
        "seed": 1,
        "epochs": 4,
        "best_epoch": 2,
        "ap50": 0.5,
        "elapsed_s": 9.0,
        **changes,
    }


def test_weights_are_kept_under_a_name_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"trained")
    with Repository() as repository:
        for _ in range(2):  # again changes nothing
            record = record_weights(repository, JOB, summary(tmp_path / "weights.pt"))
        assert repository.weights.all() == [record]
    assert (record.name, record.classes, record.family) == ("yolo11n-streets-3", ("person",), "yolo11")
    assert Path(record.path) == home_folder() / "weights" / "yolo11n-streets-3.pt"
    assert Path(record.path).read_bytes() == b"trained"
    assert {name: record.origin[name] for name in ("job_id", "parent", "strategy", "ap50", "images")} == {
        "job_id": 3,
        "parent": "p",
        "strategy": "head",
        "ap50": 0.5,
        "images": 8,
    }


@pytest.mark.parametrize(
    ("weights", "dataset", "name"),
    [("", "", "x-x-3"), ("demo", "demo", "demo-demo-3"), ("/a/b c.pt", "../d/é", "b-c-d-é-3")],
)
def test_names_are_those_of_files(weights: str, dataset: str, name: str) -> None:
    facts = summary(Path("w"), config={"weights": weights}, dataset={"name": dataset})
    assert weights_name(JOB, facts) == name


def test_weights_that_are_gone_are_named(tmp_path: Path) -> None:
    with (
        Repository() as repository,
        pytest.raises(StorageError, match="expected to copy the trained weights"),
    ):
        record_weights(repository, JOB, summary(tmp_path / "weights.pt"))
