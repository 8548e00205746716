# SPDX-License-Identifier: AGPL-3.0-only
"""Finds what a run works on: the dataset's images of one class, and the detector."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.config import RunConfig
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detector
from engine.detectors.ultralytics import UltralyticsDetector, load_detector
from engine.errors import DatasetError, DetectorError
from engine.excerpts import short_list, short_repr
from engine.jobs.imports import import_dataset
from engine.records import Dataset, ImageRecord
from engine.store.repository import Repository

__all__ = [
    "Materials",
    "class_in_dataset",
    "class_in_detector",
    "fingerprint",
    "gather",
    "of_class",
    "open_dataset",
    "split_validation",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Materials:
    """A detector and the images that it is attacked or judged on.

    Attributes:
        dataset: as it was read, with its repairs.
        detector: frozen, on its device.
        class_id: the class under attack, as the detector numbers it.
        records: the images taken, with the boxes of that class alone, numbered as the detector does.
    """

    dataset: Dataset
    detector: UltralyticsDetector
    class_id: int
    records: tuple[ImageRecord, ...]

    def loader(self, image_size: int) -> ImageLoader:
        """A loader of the records onto the detector's device."""
        return ImageLoader(
            self.records,
            image_size=image_size,
            stride_px=self.detector.stride_px,
            device=self.detector.device,
        )


def gather(config: RunConfig, *, trust: bool = False, fuse: bool = True) -> Materials:
    """Open the dataset and the detector that the settings name and take the images of their class.

    Args:
        config: dataset, weights, class name, device, `max_images`, `include_empty` and seed are looked at.
        trust: open the weights whatever their pickle names.
        fuse: fold batch norm into the convolutions.

    Raises:
        DatasetError: no such dataset, or no object of the class in it.
        DetectorError: no such weights, damaged, or without the class.
        UntrustedWeightsError, DeviceError, StorageError: see those.
    """
    dataset = open_dataset(config.dataset)
    own_class_id = class_in_dataset(dataset, config.class_name)
    detector = load_detector(config.weights, device=config.device, trust=trust, fuse=fuse)
    class_id = class_in_detector(detector, config.class_name)
    records = [of_class(record, own_class_id, class_id) for record in dataset.images]
    if not config.include_empty:
        records = [record for record in records if record.count()]
    return Materials(
        dataset=dataset,
        detector=detector,
        class_id=class_id,
        records=tuple(_some_of(records, config.max_images, config.seed)),
    )


def open_dataset(source: str) -> Dataset:
    """An imported dataset by its name, or a source, which is imported first; either way from SQLite.

    Raises:
        DatasetError: neither.
        StorageError: the database cannot be used.
    """
    with Repository() as repository:
        if repository.datasets.has(source) and not Path(source).exists():
            return repository.datasets.load(source)
        dataset = import_dataset(repository, source)
        for note in dataset.notes:
            log.info("%s: %s", dataset.name, note)
        return repository.datasets.load(dataset.name)


def split_validation(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Indices to train on and to validate on, a random `share` of at least one and at most count - 1."""
    if not share:
        return list(range(count)), []
    if count < 2:
        raise DatasetError(f"validation: expected two images or more to split, got {count}")
    order = np.random.default_rng(seed).permutation(count).tolist()
    held_out = min(max(round(count * share), 1), count - 1)
    return sorted(order[held_out:]), sorted(order[:held_out])


def fingerprint(records: Sequence[ImageRecord]) -> str:
    """SHA-256 over the records' paths, sizes and boxes: what a resumed run must find unchanged."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(f"{record.path} {record.width} {record.height}".encode())
        digest.update(record.boxes_xyxy_px.tobytes())
        digest.update(record.class_ids.tobytes())
    return digest.hexdigest()


def class_in_dataset(dataset: Dataset, wanted: str) -> int:
    """The dataset's own number of a class that it has objects of.

    Raises:
        DatasetError: it knows no such class or has no object of it.
    """
    class_id = _class_id(dataset.class_names, wanted)
    if class_id is None:
        raise DatasetError(
            f"dataset {dataset.name}: expected one of its classes ({short_list(dataset.class_names)}), "
            f"got {short_repr(wanted)}; choose --class"
        )
    if not any(dataset.object_counts(class_id)):
        raise DatasetError(
            f"dataset {dataset.name}: expected objects of class {wanted!r}, got none in "
            f"{len(dataset.images)} images; choose another --class or --dataset"
        )
    return class_id


def class_in_detector(detector: Detector, wanted: str) -> int:
    """The detector's own number of a class.

    Raises:
        DetectorError: it knows no such class.
    """
    class_id = _class_id(detector.class_names, wanted)
    if class_id is None:
        raise DetectorError(
            f"detector {detector.name}: expected one of its classes ({short_list(detector.class_names)}), "
            f"got {short_repr(wanted)}; choose --class"
        )
    return class_id


def of_class(record: ImageRecord, class_id: int, renamed: int) -> ImageRecord:
    """An image with the boxes of one class alone, numbered anew."""
    keep = record.class_ids == class_id
    return replace(
        record,
        boxes_xyxy_px=record.boxes_xyxy_px[keep],
        class_ids=np.full(int(keep.sum()), renamed, dtype=np.int64),
    )


def _class_id(names: Sequence[str], wanted: str) -> int | None:
    return names.index(wanted) if wanted and wanted in names else None


def _some_of(records: list[ImageRecord], limit: int, seed: int) -> list[ImageRecord]:
    if not limit or limit >= len(records):
        return records
    chosen = np.random.default_rng(seed).choice(len(records), size=limit, replace=False)
    return [records[index] for index in sorted(chosen.tolist())]
