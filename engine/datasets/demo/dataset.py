# SPDX-License-Identifier: AGPL-3.0-only
"""The synthetic demo dataset: drawn once into a folder with YOLO labels, and read from there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from engine.config import home_folder
from engine.datasets.demo.canvas import tones
from engine.datasets.demo.scenes import Scene, draw_scene
from engine.disk import why_unwritable
from engine.errors import DatasetError, StorageError
from engine.json_text import from_json, json_text
from engine.records import Dataset, ImageRecord
from engine.settings import require_between, require_choice

GENERATOR_VERSION = 1
"""Increased whenever the drawing changes, which redraws existing folders."""

DEMO_COUNTS = {0: 10, 1: 45, 2: 20, 3: 10, 4: 8, 5: 5, 6: 1, 7: 1}
"""People in a picture → pictures of the split `demo`."""

TRAIN_COUNTS = {0: 8, 1: 14, 2: 20, 3: 20, 4: 16, 5: 12, 6: 6, 7: 4}
"""The same for each hundred pictures of the split `train`, with more people for a short training."""

SPLITS = {"demo": 100, "val": 100, "train": 800, "test": 400}
"""Split → default number of pictures."""

_SEEDS = {"demo": 20_240_601, "val": 20_240_602, "train": 20_240_603, "test": 20_240_604}
_PORTRAIT_SHARE = 0.2
_MARKER = "complete.json"


def demo_dataset(
    split: str = "demo",
    *,
    folder: Path | None = None,
    images: int | None = None,
    report: Callable[[int, int], object] | None = None,
) -> Dataset:
    """The demo: synthetic street scenes with people, drawn unless they exist already.

    Args:
        split: `demo` (100 pictures, `DEMO_COUNTS` people), `val`, `train`, or `test`, which no run and no
            training of the demo detector sees; no picture is in two splits.
        folder: of `images/` and `labels/`, by default `PATCHBENCH_HOME`/demo/<split>. A folder with anything
            but an earlier drawing is rejected.
        images: number of pictures, 1 to 100,000; always 100 for `demo`.
        report: called after each picture with the number of pictures done and of all pictures.

    Returns:
        A dataset with `synthetic=True`, class names `("person",)` and absolute paths.

    Raises:
        SettingsError: there is no such split, or it cannot have this size.
        DatasetError: the folder contains something else.
        StorageError: the folder cannot be written.
    """
    require_choice("split", split, SPLITS)
    size = SPLITS[split] if images is None else images
    require_between("images", size, *((100, 100) if split == "demo" else (1, 100_000)))
    target = (folder or home_folder() / "demo" / split).expanduser().resolve()
    facts = {"synthetic": True, "generator": GENERATOR_VERSION, "split": split, "images": size}
    if _read_marker(target) != facts:
        try:
            _draw(target, split, size, facts, report)
        except OSError as error:
            why = why_unwritable(target, error, "free space or choose another PATCHBENCH_HOME")
            raise StorageError(f"expected to write the demo dataset to {target}, got {why}") from error
    return _read(target, split)


def people_counts(split: str, images: int) -> list[int]:
    """Number of people in each picture of a split, shuffled in a fixed order.

    Every hundred pictures of `train` follow `TRAIN_COUNTS`, of the other splits `DEMO_COUNTS`.
    """
    rng = np.random.default_rng(_SEEDS[split])
    histogram = TRAIN_COUNTS if split == "train" else DEMO_COUNTS
    counts = np.repeat(list(histogram), list(histogram.values()))
    repeated = [rng.permutation(counts) for _ in range(-(-images // len(counts)))]
    return np.concatenate(repeated)[:images].tolist()


def _read_marker(folder: Path) -> dict[str, object] | None:
    try:
        return from_json((folder / _MARKER).read_text())["drawn"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _draw(
    folder: Path,
    split: str,
    images: int,
    facts: dict[str, object],
    report: Callable[[int, int], object] | None,
) -> None:
    """Draw a whole split, and write the marker last, without which a folder is drawn again."""
    _clear(folder)
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    sizes: dict[str, list[object]] = {}
    for index, people in enumerate(people_counts(split, images)):
        rng = np.random.default_rng([_SEEDS[split], index])
        width, height = (480, 640) if rng.random() < _PORTRAIT_SHARE else (640, 480)
        scene = draw_scene(rng, people, width, height)
        name = f"synthetic-{split}-{index:05d}"
        _write_scene(folder, name, scene)
        sizes[name] = [width, height, scene.boxes_xyxy_px.tolist()]
        if report is not None:
            report(index + 1, images)
    draft = folder / f"{_MARKER}.part"
    draft.write_text(json_text({"drawn": facts, "pictures": sizes}))
    os.replace(draft, folder / _MARKER)


def _clear(folder: Path) -> None:
    """Remove an earlier drawing, refusing to remove anything else."""
    if not folder.exists():
        return
    ours = {"images", "labels", _MARKER, f"{_MARKER}.part"}
    foreign = sorted(
        path.name for path in folder.iterdir() if path.name not in ours and path.suffix != ".cache"
    )
    drawn = all(
        path.name.startswith("synthetic-")
        for name in ("images", "labels")
        for path in (folder / name).glob("*")
    )
    if foreign or not drawn:
        raise DatasetError(
            f"{folder}: expected an empty folder for the demo dataset, got other files; choose another folder"
        )
    shutil.rmtree(folder)


def _write_scene(folder: Path, name: str, scene: Scene) -> None:
    height, width = scene.image.shape[:2]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR), quality)[1]
    (folder / "images" / f"{name}.jpg").write_bytes(encoded.tobytes())
    x0, y0, x1, y1 = (scene.boxes_xyxy_px / tones([width, height, width, height])).T
    rows = np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], axis=1)
    lines = ["0 " + " ".join(f"{value:.6f}" for value in row) for row in rows]
    (folder / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))


def _read(folder: Path, split: str) -> Dataset:
    """The records of a drawn folder, from its marker."""
    pictures = from_json((folder / _MARKER).read_text())["pictures"]
    records = []
    for name, (width, height, boxes) in pictures.items():
        boxes_px = np.array(boxes, dtype=np.float32).reshape(-1, 4)
        path = str(folder / "images" / f"{name}.jpg")
        ids = np.zeros(len(boxes_px), dtype=np.int64)
        records.append(
            ImageRecord(path=path, width=width, height=height, boxes_xyxy_px=boxes_px, class_ids=ids)
        )
    return Dataset(
        name="demo" if split == "demo" else f"demo-{split}",
        source=f"synthetic demo, split {split}",
        class_names=("person",),
        images=tuple(records),
        synthetic=True,
    )
