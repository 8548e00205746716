# SPDX-License-Identifier: AGPL-3.0-only
"""The training of the embedded detectors on pictures that PatchBench draws."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import ScheduleConfig, TrainingConfig
from engine.datasets.demo import demo_dataset
from engine.detectors.demo_weights import DEMO_DESCRIPTION, DEMO_IMAGE_SIZE, DEMO_WEIGHTS, embedded_file
from engine.disk import why_unwritable
from engine.errors import RunInterruptedError, StorageError
from engine.records import Dataset, StepRecord
from engine.runs import run_folder
from engine.runs.training import TrainingMaterials, resume_training, train
from engine.runs.training_course import (
    AP50,
    BEST,
    CHECKPOINT,
    TrainingObserver,
    TrainingState,
    read_checkpoint,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an embedded detector is trained.

    Attributes:
        layout: the weights or the layout that a training from scratch is given.
        images: number of pictures to train on.
        epochs: passes over them.
        batch_size: pictures a step.
        learning_rates: by strategy, of AdamW.
    """

    layout: str
    images: int
    epochs: int
    batch_size: int
    learning_rates: dict[str, float]


RECIPES = {
    "demo": Recipe(
        layout=str(DEMO_WEIGHTS),
        images=800,
        epochs=44,
        batch_size=8,
        learning_rates={"scratch": 0.003, "whole": 0.0015},
    ),
    "demo-rcnn": Recipe(
        layout="torchvision/fasterrcnn_small",
        images=800,
        epochs=16,
        batch_size=4,
        learning_rates={"scratch": 0.002, "whole": 0.001},
    ),
    "demo-yolo11": Recipe(
        layout="ultralytics/yolo11_small",
        images=800,
        epochs=24,
        batch_size=4,
        learning_rates={"scratch": 0.002, "whole": 0.001},
    ),
}
"""Embedded detector → its recipe."""


def retrain_demo_detector(
    name: str = "demo",
    *,
    epochs: int | None = None,
    images: int | None = None,
    image_size: int = DEMO_IMAGE_SIZE,
    seed: int = 0,
    out: Path | None = None,
    report: Callable[[str], object] = print,
    validation_images: int = 100,
    start: Path | None = None,
    folder: Path | None = None,
    resume: bool = False,
    stop_requested: Callable[[], bool] = lambda: False,
) -> float:
    """Draw the demo's pictures, train a detector on them, score it and write its weights.

    Args:
        name: one of `RECIPES`.
        epochs: passes over the pictures, at least 1; by default the recipe's.
        images: number of training pictures to draw; by default the recipe's.
        image_size: the training's side in pixels, a multiple of 32.
        seed: of the training; the pictures are always the same.
        out: the weight file, written atomically: those of the best epoch; by default the embedded one.
        report: called with each line of progress and with the score.
        validation_images: number of other pictures to draw for the score.
        start: initial weights from an earlier training; None trains from scratch.
        folder: of the training, which is kept; by default a new one under `PATCHBENCH_HOME/runs`.
        resume: go on with the training in the folder, whose own settings are kept.
        stop_requested: polled after each step; True interrupts the training.

    Returns:
        AP50 of the class person on the split `val`, 0 to 1.

    Raises:
        SettingsError: a setting is out of range.
        DetectorError: the weights to start from cannot be read or are not trusted.
        StorageError: the weights or the pictures cannot be written, or the folder has no such training.
        RunInterruptedError: a stop was requested.
    """
    recipe = RECIPES[name]
    config = _config(recipe, epochs, image_size, seed, start)
    images = recipe.images if images is None else images
    place, out = folder or run_folder.default_folder(f"retrain-{name}"), out or embedded_file(name)
    if resume:
        config = _resumed(name, place)

    def tell(record: StepRecord, state: TrainingState) -> None:
        report(f"Epoch {state.epoch}/{config.epochs}: loss {record.loss:.3f}, AP50 {record.terms[AP50]:.3f}")

    with _replacing(out) as draft:
        report(f"Drawing {images} synthetic images for training and {validation_images} for validation")
        drawn = demo_dataset("train", images=images), demo_dataset("val", images=validation_images)
        how: dict[str, Any] = {
            "materials": _materials(*drawn),
            "description": DEMO_DESCRIPTION,
            "observer": TrainingObserver(on_epoch=tell, stop_requested=stop_requested),
        }
        with _resumable(name, place):
            summary = resume_training(place, **how) if resume else train(config, place, **how)
        draft.write_bytes((place / BEST).read_bytes())
    report(f"Synthetic validation images: AP50 {summary[AP50]:.3f}; wrote {out}")
    return float(summary[AP50])


def _config(
    recipe: Recipe, epochs: int | None, image_size: int, seed: int, start: Path | None
) -> TrainingConfig:
    strategy = "scratch" if start is None else "whole"
    return TrainingConfig(
        dataset="demo",
        weights=str(start or recipe.layout),
        strategy=strategy,
        device="cpu",
        image_size=image_size,
        epochs=recipe.epochs if epochs is None else epochs,
        seed=seed,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rates[strategy],
        schedule=ScheduleConfig(warmup=1, floor=0.02),
    )


def _resumed(name: str, folder: Path) -> TrainingConfig:
    """The settings of the training in a folder, which must be one of this detector from scratch.

    Raises:
        StorageError: it is another training, or there is none that can be resumed.
    """
    _, _, identity = read_checkpoint(folder.absolute())
    config = TrainingConfig.from_json(identity["config"])
    if config.strategy == "scratch" and config.weights != RECIPES[name].layout:
        raise StorageError(
            f"{folder}: expected a training of {name}, got one of {Path(config.weights).stem}; "
            "name its detector or choose its folder"
        )
    return config


@contextmanager
def _resumable(name: str, folder: Path) -> Iterator[None]:
    """Say of an interrupted training which command goes on with it."""
    try:
        yield
    except RunInterruptedError as error:
        command = f"python -m engine demo --retrain {name}"
        kept = (folder / CHECKPOINT).is_file()
        raise RunInterruptedError(
            f"stopped; finished epochs are kept, continue with: {command} --resume {folder}"
            if kept
            else f"stopped before the end of the first epoch, nothing is kept; start again with: {command}"
        ) from error


def _materials(training: Dataset, held_out: Dataset) -> TrainingMaterials:
    return TrainingMaterials(
        dataset={"name": training.name, "source": training.source, "synthetic": True},
        class_names=training.class_names,
        training=training.images,
        held_out=held_out.images,
    )


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Create a draft that replaces the file at the end, detecting an unwritable folder before the training.

    Raises:
        StorageError: the folder cannot be written.
    """
    draft = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.touch()
        yield draft
        os.replace(draft, out)
    except OSError as error:
        why = why_unwritable(out, error, "choose another file")
        raise StorageError(f"expected to write the weights to {out}, got {why}") from error
    finally:
        if out.parent.is_dir():
            draft.unlink(missing_ok=True)
