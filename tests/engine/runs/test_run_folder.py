# SPDX-License-Identifier: AGPL-3.0-only
"""A run's folder and its files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.records import StepRecord
from engine.runs import run_folder


def step(number: int, **terms: float) -> StepRecord:
    return StepRecord(
        step=number, iteration=1, loss=0.1, terms=terms, learning_rate=0.03, images=2, elapsed_s=1.5
    )


@pytest.mark.parametrize(
    ("label", "stem"),
    [("", "run"), ("coco128-yolov8n", "coco128-yolov8n"), ("my photos/v1", "my-photos-v1"), ("../..", "run")],
)
def test_default_folders_are_new_and_in_our_home(own_home: Path, label: str, stem: str) -> None:
    first = run_folder.default_folder(label)
    assert first.parent == own_home / "runs"
    assert first.name.split("-", 2)[2] == stem
    first.mkdir(parents=True)
    assert run_folder.default_folder(label) not in (first, None)


def test_a_new_or_empty_folder_is_used(tmp_path: Path) -> None:
    for name in ("new/nested", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with run_folder.created(tmp_path / name) as folder:
            assert folder.is_absolute()
            (folder / "patch.npy").touch()
        assert (tmp_path / name / "patch.npy").exists()


@pytest.mark.parametrize(("kept", "remains"), [(False, False), (True, True)])
def test_a_failure_leaves_no_empty_folder(tmp_path: Path, kept: bool, remains: bool) -> None:
    def fail() -> None:
        with run_folder.created(tmp_path / "run") as folder:
            if kept:
                (folder / "checkpoint.pt").touch()
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert (tmp_path / "run").exists() is remains


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")
    with (
        pytest.raises(StorageError, match=r"expected a new or empty folder, got one with files; choose"),
        run_folder.created(tmp_path),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with (
            pytest.raises(StorageError, match=r"expected a writable folder, got"),
            run_folder.created(place),
        ):
            pass


def test_a_summary_is_read_again(tmp_path: Path) -> None:
    for summary in ({}, {"patch": "Übung", "asr": None, "steps": 3}):
        run_folder.write_summary(tmp_path, summary)
        assert run_folder.read_summary(tmp_path) == summary
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["steps"] == 3


def test_a_summary_keeps_null_where_a_number_is_not_finite(tmp_path: Path) -> None:
    run_folder.write_summary(tmp_path, {"events": [{"asr": float("nan")}, {"asr": float("inf")}]})
    assert run_folder.read_summary(tmp_path) == {"events": [{"asr": None}, {"asr": None}]}
    (tmp_path / "run.json").write_text('{"asr": NaN}')  # as earlier versions may have left it
    assert run_folder.read_summary(tmp_path) == {"asr": None}


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_a_summary_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"run\.json: expected the record of a run, got no readable file"):
        run_folder.read_summary(tmp_path)


@pytest.mark.parametrize(
    ("history", "columns", "rows"),
    [
        ([], [], []),
        ([step(1, object=0.1, tv=0.25)], ["object", "tv"], [["1", "1", "0.1", "0.1", "0.25"]]),
        ([step(1), step(2)], [], [["1", "1", "0.1"], ["2", "1", "0.1"]]),
    ],
)
def test_history(tmp_path: Path, history: list, columns: list, rows: list) -> None:
    run_folder.write_history(tmp_path, history)
    header, *lines = list(csv.reader((tmp_path / "history.csv").open(newline="")))
    assert header == ["step", "iteration", "loss", *columns, "learning_rate", "images", "elapsed_s"]
    assert [line[: 3 + len(columns)] for line in lines] == rows
    assert [line[3 + len(columns) :] for line in lines] == [["0.03", "2", "1.500"]] * len(rows)
