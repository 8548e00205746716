# SPDX-License-Identifier: AGPL-3.0-only
"""The ways to read a dataset's records that the benchmark of data sources compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.datasets.sources import read_dataset
from engine.json_text import json_text
from engine.records import Dataset, ImageRecord
from engine.store.repository import Repository

__all__ = ["readers"]


def readers(dataset: Dataset) -> Mapping[str, Callable[[], Sequence[ImageRecord]]]:
    """Name → reads all records of a stored dataset once.

    Args:
        dataset: as it is stored; its source must still be there for the reading of files. The demo has no
            files of labels: its are written as COCO JSON when they are first read.
    """
    return {
        "files": _Files(dataset),
        "one query an image": lambda: _image_by_image(dataset),
        "one query a run": lambda: _at_once(dataset),
    }


class _Files:
    """Reads the dataset from files, as an import does."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._folder: TemporaryDirectory[str] | None = None

    def __call__(self) -> Sequence[ImageRecord]:
        if not self._dataset.synthetic:
            return read_dataset(self._dataset.source).images
        if self._folder is None:
            self._folder = TemporaryDirectory()
            self._labels().write_text(json_text(_coco(self._dataset)), encoding="utf-8")
        return read_dataset(self._labels()).images

    def _labels(self) -> Path:
        return Path("" if self._folder is None else self._folder.name) / "labels.json"


def _coco(dataset: Dataset) -> dict[str, list[dict[str, object]]]:
    """The dataset as COCO JSON has it, with absolute paths and boxes as x, y, width, height in pixels."""
    boxes = [
        (place, int(class_id), [float(x1), float(y1), float(x2 - x1), float(y2 - y1)])
        for place, image in enumerate(dataset.images)
        for class_id, (x1, y1, x2, y2) in zip(image.class_ids, image.boxes_xyxy_px, strict=True)
    ]
    return {
        "images": [
            {"id": place, "file_name": image.path, "width": image.width, "height": image.height}
            for place, image in enumerate(dataset.images)
        ],
        "annotations": [
            {"id": number, "image_id": place, "category_id": class_id, "bbox": box}
            for number, (place, class_id, box) in enumerate(boxes)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(dataset.class_names)],
    }


def _image_by_image(dataset: Dataset) -> list[ImageRecord]:
    with Repository() as repository:
        return [repository.datasets.load_image(dataset.name, place) for place in range(len(dataset.images))]


def _at_once(dataset: Dataset) -> Sequence[ImageRecord]:
    with Repository() as repository:
        return repository.datasets.load(dataset.name).images
