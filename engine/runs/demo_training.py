# SPDX-License-Identifier: AGPL-3.0-only
"""The training of the demo detector on pictures that PatchBench draws."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.config import ScheduleConfig, TrainingConfig
from engine.datasets.demo import demo_dataset
from engine.detectors.demo_weights import DEMO_DESCRIPTION, DEMO_IMAGE_SIZE, DEMO_WEIGHTS
from engine.disk import why_unwritable
from engine.errors import StorageError
from engine.records import Dataset, StepRecord
from engine.runs.training import TrainingMaterials, train
from engine.runs.training_course import AP50, BEST, TrainingObserver, TrainingState

_RATES = {"scratch": 0.003, "whole": 0.0015}


def retrain_demo_detector(
    *,
    epochs: int = 44,
    images: int = 800,
    image_size: int = DEMO_IMAGE_SIZE,
    seed: int = 0,
    out: Path = DEMO_WEIGHTS,
    report: Callable[[str], object] = print,
    validation_images: int = 100,
    start: Path | None = None,
) -> float:
    """Draw the demo's pictures, train a detector on them, score it and write its weights.

    Args:
        epochs: passes over the pictures, at least 1.
        images: number of training pictures to draw.
        image_size: the training's side in pixels, a multiple of 32.
        seed: of the training; the pictures are always the same.
        out: the weight file, written atomically: those of the best epoch.
        report: called with each line of progress and with the score.
        validation_images: number of other pictures to draw for the score.
        start: initial weights from an earlier training; None trains from scratch.

    Returns:
        AP50 of the class person on the split `val`, 0 to 1.

    Raises:
        SettingsError: a setting is out of range.
        DetectorError: the weights to start from cannot be read or are not trusted.
        StorageError: the weights or the pictures cannot be written.
    """
    strategy = "scratch" if start is None else "whole"
    config = TrainingConfig(
        dataset="demo",
        weights=str(start or DEMO_WEIGHTS),
        strategy=strategy,
        device="cpu",
        image_size=image_size,
        epochs=epochs,
        seed=seed,
        learning_rate=_RATES[strategy],
        schedule=ScheduleConfig(warmup=1, floor=0.02),
    )

    def tell(record: StepRecord, state: TrainingState) -> None:
        report(f"Epoch {state.epoch}/{epochs}: loss {record.loss:.3f}, AP50 {record.terms[AP50]:.3f}")

    with _replacing(out) as draft:
        report(f"Drawing {images} synthetic pictures to train on and {validation_images} to validate on")
        drawn = demo_dataset("train", images=images), demo_dataset("val", images=validation_images)
        with tempfile.TemporaryDirectory(prefix="patchbench-") as scratch:
            folder = Path(scratch) / "training"
            summary = train(
                config,
                folder,
                materials=_materials(*drawn),
                description=DEMO_DESCRIPTION,
                observer=TrainingObserver(on_epoch=tell),
            )
            draft.write_bytes((folder / BEST).read_bytes())
    report(f"Synthetic validation pictures: AP50 {summary[AP50]:.3f}; wrote {out}")
    return float(summary[AP50])


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
