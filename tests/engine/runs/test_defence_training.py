# SPDX-License-Identifier: AGPL-3.0-only
"""Whole trainings of a segmenter on a handful of blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import DefenceTrainingConfig
from engine.defences.patch_finder import load_finder
from engine.errors import DatasetError, EngineError, PatchFileError, RunInterruptedError, StorageError
from engine.json_text import from_json
from engine.patch.files import write_patch
from engine.runs import segmenter_training
from engine.runs.defence_training import resume_defence_training, train_defence
from engine.runs.run_folder import read_history
from engine.runs.training_course import TrainingObserver


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter_training, "ROUND", 1)


@pytest.fixture
def settings(blocks: Path, tmp_path: Path) -> Callable[..., DefenceTrainingConfig]:
    write_patch(tmp_path, torch.rand(3, 8, 8))

    def make(**changes: Any) -> DefenceTrainingConfig:
        small: dict[str, Any] = {
            "dataset": str(blocks),
            "patches": (str(tmp_path / "patch.npy"),),
            "device": "cpu",
            "image_size": 64,
            "view_size": 64,
            "epochs": 2,
            "batch_size": 2,
            "time_limit_s": 0.0,
        }
        return DefenceTrainingConfig(**small | changes)

    return make


def interrupted_after(steps: int) -> TrainingObserver:
    asked: list[int] = []
    return TrainingObserver(stop_requested=lambda: asked.append(1) or len(asked) > steps)


def test_weights_history_and_record_lie_in_the_folder(
    settings: Callable[..., DefenceTrainingConfig], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    summary = train_defence(settings(classes=("person",)), folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"weights.safetensors", "defence.json", "history.csv", "checkpoint.pt"}
    assert from_json((folder / "defence.json").read_text())["defence"] == summary["defence"]
    assert summary["defence"] == f"segmenter:weights={folder / 'weights.safetensors'}"
    assert set(summary["validation"]) == {"iou", "recall", "false_area"}
    assert (summary["epochs"], summary["ended"], summary["patches"]["given"]) == (2, "epochs", 1)
    assert (summary["dataset"]["images"], summary["dataset"]["held_out"]) == (5, 1)
    steps = read_history(folder)
    assert [step.iteration for step in steps] == [1, 2]
    assert set(steps[0].terms) == {"cross_entropy", "dice", "iou"}
    load_finder(folder / "weights.safetensors")


def test_what_was_interrupted_goes_on_to_the_same_bits(
    settings: Callable[..., DefenceTrainingConfig], tmp_path: Path
) -> None:
    whole = train_defence(settings(), tmp_path / "whole")
    folder = tmp_path / "parts"
    with pytest.raises(RunInterruptedError, match="python -m engine defence train --resume"):
        train_defence(settings(), folder, observer=interrupted_after(6))
    assert [path.name for path in folder.iterdir()] == ["checkpoint.pt"]
    parts = resume_defence_training(folder)
    assert Path(parts["weights"]).read_bytes() == Path(whole["weights"]).read_bytes()
    assert parts["validation"] == whole["validation"]


def test_one_that_is_stopped_before_its_first_epoch_leaves_no_folder(
    settings: Callable[..., DefenceTrainingConfig], tmp_path: Path
) -> None:
    with pytest.raises(RunInterruptedError):
        train_defence(settings(), tmp_path / "out", observer=interrupted_after(0))
    assert not (tmp_path / "out").exists()


def test_it_does_not_go_on_with_other_patches(
    settings: Callable[..., DefenceTrainingConfig], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    with pytest.raises(RunInterruptedError):
        train_defence(settings(), folder, observer=interrupted_after(6))
    write_patch(tmp_path, torch.zeros(3, 8, 8))
    with pytest.raises(
        StorageError, match="expected the patches that this training started with, got different ones"
    ):
        resume_defence_training(folder)


@pytest.mark.parametrize(
    ("changes", "kind", "error"),
    [
        ({"dataset": "nowhere"}, DatasetError, "nowhere"),
        ({"classes": ("dog",)}, EngineError, "there is no class 'dog'"),
        ({"patches": ("nowhere.npy",)}, PatchFileError, "nowhere.npy: expected a patch file"),
        ({"device": "cuda:99"}, EngineError, "cuda:99"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(
    settings: Callable[..., DefenceTrainingConfig],
    tmp_path: Path,
    changes: dict[str, Any],
    kind: type[EngineError],
    error: str,
) -> None:
    with pytest.raises(kind, match=error):
        train_defence(settings(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_going_on_needs_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"expected a training with a checkpoint\.pt"):
        resume_defence_training(tmp_path)
