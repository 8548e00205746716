# SPDX-License-Identifier: AGPL-3.0-only
"""The synthetic demo detector: the path of its weights, and their training on the drawn demo."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.datasets.demo import demo_dataset
from engine.detectors.checkpoints import load_checkpoint
from engine.disk import why_unwritable
from engine.errors import SettingsError, StorageError
from engine.settings import require_between

DEMO_WEIGHTS = Path(__file__).resolve().parent / "weights" / "demo.pt"
"""The weights in the repository.

Trained in three stages, each starting from the previous weights: 26 epochs of 800 sparser pictures at 320
pixels, 8 of 700 at 384 (seed 1), 10 of 900 at 384 (seed 2). The default length has as many pictures in total.
"""

DEMO_IMAGE_SIZE = 384
"""The side in pixels at which the demo detector was trained and performs best."""

DEMO_DESCRIPTION = (
    "Synthetic demo detector: trained only on street scenes that PatchBench draws, no photographs."
)
"""The field `description` of the weight file."""

_LAYOUT = DEMO_WEIGHTS.with_name("yolov8-demo.yaml")


def retrain_demo_detector(
    *,
    epochs: int = 44,
    images: int = 800,
    image_size: int = DEMO_IMAGE_SIZE,
    seed: int = 0,
    out: Path = DEMO_WEIGHTS,
    report: Callable[[str], None] = print,
    threads: int = 1,
    validation_images: int = 100,
    start: Path | None = None,
) -> float:
    """Draw the demo's pictures, train a detector on them, score it and write its weights.

    Args:
        epochs: passes over the pictures, at least 1.
        images: number of training pictures to draw.
        image_size: the training's side in pixels, 64 to 1280 and divisible by 32.
        seed: of the training; the pictures are always the same.
        out: the weight file, written atomically.
        report: called with each line of progress and with the score.
        threads: number of torch's threads.
        validation_images: number of other pictures to draw for the score.
        start: initial weights from an earlier training; None trains from scratch.

    Returns:
        AP50 of the class person on the split `val`, 0 to 1.

    Raises:
        SettingsError: a setting is out of range.
        DetectorError: the weights to start from cannot be read or are not trusted.
        StorageError: the weights or the pictures cannot be written.
    """
    require_between("epochs", epochs, 1, 10_000)
    require_between("image_size", image_size, 64, 1280)
    if image_size % 32:
        raise SettingsError(
            f"image_size: expected a multiple of 32, got {image_size}; try {image_size // 32 * 32}"
        )
    # Importing Ultralytics takes seconds, and is not necessary for the path of the weights.
    from engine.detectors.ultralytics_training import train_detector

    earlier = None if start is None else load_checkpoint(start).model.float()
    with _replacing(out) as draft:
        report(f"Drawing {images} synthetic pictures to train on and {validation_images} to validate on")
        splits = [demo_dataset("train", images=images), demo_dataset("val", images=validation_images)]
        with tempfile.TemporaryDirectory(prefix="patchbench-") as scratch:
            trained = train_detector(
                _LAYOUT,
                train_images=Path(splits[0].images[0].path).parent,
                val_images=Path(splits[1].images[0].path).parent,
                class_names=splits[0].class_names,
                epochs=epochs,
                image_size=image_size,
                seed=seed,
                folder=Path(scratch),
                report=report,
                threads=threads,
                start=earlier,
            )
        facts = {"description": DEMO_DESCRIPTION, "ap50": trained.ap50, "ap50_95": trained.ap50_95}
        torch.save({**trained.checkpoint, **facts, "image_size": image_size}, draft)
    report(
        f"Synthetic validation pictures: AP50 {trained.ap50:.3f}, AP50-95 {trained.ap50_95:.3f}; wrote {out}"
    )
    return trained.ap50


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
