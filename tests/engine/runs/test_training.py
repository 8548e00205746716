# SPDX-License-Identifier: AGPL-3.0-only
"""Whole trainings of a tiny detector on a handful of blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config import RunConfig, TrainingConfig
from engine.detectors import torchvision_small
from engine.detectors.loading import load_detector
from engine.errors import DatasetError, DetectorError, EngineError, RunInterruptedError, StorageError
from engine.json_text import from_json
from engine.runs.commands import generate
from engine.runs.run_folder import read_history
from engine.runs.training import gather_training, resume_training, train
from engine.runs.training_course import BEST, CHECKPOINT, LAST, TrainingObserver
from tests.engine.tiny import IMAGE_SIZE


@pytest.fixture
def settings(blocks: Path, tiny_weights: Path) -> Callable[..., TrainingConfig]:
    def make(**changes: Any) -> TrainingConfig:
        small: dict[str, Any] = {
            "dataset": str(blocks),
            "weights": str(tiny_weights),
            "device": "cpu",
            "image_size": IMAGE_SIZE,
            "epochs": 2,
            "batch_size": 2,
        }
        return TrainingConfig(**small | changes)

    return make


def test_weights_history_and_record_lie_in_the_folder(
    settings: Callable[..., TrainingConfig], tmp_path: Path, tiny_weights: Path
) -> None:
    folder = tmp_path / "out"
    summary = train(settings(), folder)
    assert {path.name for path in folder.iterdir()} == {
        *(BEST, LAST, CHECKPOINT, "history.csv", "training.json")
    }
    assert from_json((folder / "training.json").read_text())["epochs"] == 2
    assert [step.iteration for step in read_history(folder)] == [1, 2]
    assert set(read_history(folder)[0].terms) == {"box", "cls", "dfl", "ap50"}
    assert summary["parent"]["weights_sha256"] == load_detector(tiny_weights, device="cpu").checksum()
    assert summary["weights_sha256"] == load_detector(folder / BEST, device="cpu").checksum()
    assert summary["dataset"] | {"source": "", "records_sha256": "", "repairs": {}} == {
        "name": "blocks",
        "source": "",
        "synthetic": False,
        "repairs": {},
        "images": 4,
        "held_out": 1,
        "objects": 6,
        "records_sha256": "",
    }


def test_a_patch_is_made_against_what_was_trained(
    settings: Callable[..., TrainingConfig], tmp_path: Path, blocks: Path
) -> None:
    summary = train(settings(epochs=1, validation_share=0.0), tmp_path / "out")
    attacked = generate(
        RunConfig(
            dataset=str(blocks),
            weights=summary["weights"],
            device="cpu",
            image_size=IMAGE_SIZE,
            view_size=0,
            iterations=1,
            patch_height=16,
            patch_width=16,
        ),
        tmp_path / "run",
        evaluate_after=False,
    )
    assert attacked["weights_sha256"] == summary["weights_sha256"]


@pytest.mark.parametrize(
    ("classes", "names", "images"),
    [((), ("person", "car"), 5), (("car",), ("car",), 1), (("Person",), ("person",), 5)],
)
def test_classes_are_chosen_and_numbered_anew(
    settings: Callable[..., TrainingConfig], classes: tuple[str, ...], names: tuple[str, ...], images: int
) -> None:
    gathered = gather_training(settings(classes=classes, validation_share=0.0))
    assert (gathered.class_names, len(gathered.training), len(gathered.held_out)) == (names, images, 0)
    assert {int(each) for record in gathered.training for each in record.class_ids} == set(range(len(names)))


def test_it_resumes_to_the_same_bits(settings: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    whole = train(settings(epochs=3), tmp_path / "whole")
    polled: list[int] = []

    def stop() -> bool:
        polled.append(1)
        return len(polled) == 4  # a batch of the second epoch

    with pytest.raises(RunInterruptedError, match="continue with: python -m engine detector train --resume"):
        train(settings(epochs=3), tmp_path / "parts", observer=TrainingObserver(stop_requested=stop))
    resumed = resume_training(tmp_path / "parts")
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert resumed["ap50_last"] == whole["ap50_last"]
    assert resume_training(tmp_path / "parts")["weights_sha256"] == whole["weights_sha256"]


def changed_images(folder: Path, config: TrainingConfig) -> None:
    source = Path(config.dataset)
    (source / "labels" / "0.txt").write_text("0 0.5 0.5 0.1 0.1\n")


def lost_weights(folder: Path, config: TrainingConfig) -> None:
    (folder / BEST).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_images, "expected the images and boxes that this training started with, got different ones"),
        (lost_weights, "expected the best weights so far in weights.pt, found none"),
    ],
)
def test_it_does_not_go_on_with_something_else(
    settings: Callable[..., TrainingConfig], tmp_path: Path, change: Any, message: str
) -> None:
    from tests.engine.tiny import write_dataset

    config = settings(dataset=str(write_dataset(tmp_path / "own")), epochs=1)
    train(config, tmp_path / "out")
    change(tmp_path / "out", config)
    with pytest.raises(StorageError, match=message):
        resume_training(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"classes": ("dog",)}, DatasetError, "there is no class 'dog' in the dataset; blocks has: person"),
        ({"weights": "nowhere.pt"}, DetectorError, "expected a weight file"),
        ({"precision": "fp16"}, EngineError, "expected fp32 or bf16 on the CPU, got fp16"),
        ({"max_images": 1}, DatasetError, "expected at least two images to split, got 1"),
    ],
)
def test_what_cannot_be_leaves_no_folder(
    settings: Callable[..., TrainingConfig],
    tmp_path: Path,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        train(settings(**changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_layout_is_trained_from_nothing_and_resumes(
    settings: Callable[..., TrainingConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_small, "SIDE_PX", IMAGE_SIZE)
    name = "torchvision/fasterrcnn_small"
    config = settings(weights=name, strategy="scratch", max_images=3)
    whole = train(config, tmp_path / "whole")
    assert whole["parent"] == {"weights": name, "weights_sha256": ""}
    assert (whole["detector"]["name"], whole["detector"]["family"]) == ("fasterrcnn_small",) * 2
    polled: list[int] = []

    def stop() -> bool:
        polled.append(1)
        return len(polled) == 3  # after the first epoch's batch and its validation

    with pytest.raises(RunInterruptedError):
        train(config, tmp_path / "parts", observer=TrainingObserver(stop_requested=stop))
    assert resume_training(tmp_path / "parts")["weights_sha256"] == whole["weights_sha256"]
