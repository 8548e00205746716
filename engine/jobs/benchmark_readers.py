# SPDX-License-Identifier: AGPL-3.0-only
"""The ways to read a dataset's records that the benchmark of data sources compares."""

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
    """Name → reads all records of a stored dataset once.

    Args:
        dataset: as it is stored. Its source is read with the split that holds its images. The demo has no
            files of labels, and COCO JSON may need a folder of images that is not stored: for them COCO JSON
            is written when files are first read.
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
