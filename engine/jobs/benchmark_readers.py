# SPDX-License-Identifier: AGPL-3.0-only
"""The ways of reading a dataset's records that the data-source benchmark compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.datasets.sources import read_dataset
from engine.datasets.splits import SPLIT_CHOICES
from engine.errors import DatasetError
from engine.json_text import json_text
from engine.records import Dataset, ImageRecord
from engine.store.repository import Repository


def readers(dataset: Dataset) -> Mapping[str, Callable[[], Sequence[ImageRecord]]]:
    """Name → function that reads all records of a stored dataset once.

    Args:
        dataset: as stored. Its source is read with the split that contains its images. Where the source
            cannot be read alone (the demo, or COCO JSON with a separate image folder), COCO JSON is written
            before the first read from files.
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
        self._folder = TemporaryDirectory()

    def __call__(self) -> Sequence[ImageRecord]:
        source, split = self._found
        return read_dataset(source, split=split).images

    @cached_property
    def _found(self) -> tuple[str | Path, str]:
        """The source and the split that give the dataset's images."""
        paths = [image.path for image in self._dataset.images]
        for split in () if self._dataset.synthetic else SPLIT_CHOICES:
            with suppress(DatasetError):
                if [image.path for image in read_dataset(self._dataset.source, split=split).images] == paths:
                    return self._dataset.source, split
        labels = Path(self._folder.name) / "labels.json"
        labels.write_text(json_text(_coco(self._dataset)), encoding="utf-8")
        return labels, "train"


def _coco(dataset: Dataset) -> dict[str, list[dict[str, object]]]:
    """The dataset in COCO's form, with absolute paths and boxes as x, y, width, height in pixels."""
    boxes = [
        (index, int(class_id), [float(x1), float(y1), float(x2 - x1), float(y2 - y1)])
        for index, image in enumerate(dataset.images)
        for class_id, (x1, y1, x2, y2) in zip(image.class_ids, image.boxes_xyxy_px, strict=True)
    ]
    return {
        "images": [
            {"id": index, "file_name": image.path, "width": image.width, "height": image.height}
            for index, image in enumerate(dataset.images)
        ],
        "annotations": [
            {"id": number, "image_id": index, "category_id": class_id, "bbox": box}
            for number, (index, class_id, box) in enumerate(boxes)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(dataset.class_names)],
    }


def _image_by_image(dataset: Dataset) -> list[ImageRecord]:
    with Repository() as repository:
        return [repository.datasets.load_image(dataset.name, index) for index in range(len(dataset.images))]


def _at_once(dataset: Dataset) -> Sequence[ImageRecord]:
    with Repository() as repository:
        return repository.datasets.load(dataset.name).images
