# SPDX-License-Identifier: AGPL-3.0-only
"""The ways to read a dataset's records that the benchmark of data sources compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.datasets.sources import read_dataset
from engine.records import Dataset, ImageRecord
from engine.store.repository import Repository

__all__ = ["readers"]


def readers(dataset: Dataset) -> Mapping[str, Callable[[], Sequence[ImageRecord]]]:
    """Name → reads all records of a stored dataset once.

    Args:
        dataset: as it is stored; its source must still be there for the reading of files.
    """
    return {
        "files": lambda: read_dataset(dataset.source).images,
        "one query an image": lambda: _image_by_image(dataset),
        "one query a run": lambda: _at_once(dataset),
    }


def _image_by_image(dataset: Dataset) -> list[ImageRecord]:
    with Repository() as repository:
        return [repository.datasets.load_image(dataset.name, place) for place in range(len(dataset.images))]


def _at_once(dataset: Dataset) -> Sequence[ImageRecord]:
    with Repository() as repository:
        return repository.datasets.load(dataset.name).images
