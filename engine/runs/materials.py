# SPDX-License-Identifier: AGPL-3.0-only
"""Finds what a run works on: the dataset's images of one class, and the detector."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.classes import ClassMatch, dataset_class_ids, match_classes
from engine.config import RunConfig
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detector
from engine.detectors.ultralytics import UltralyticsDetector, load_detector
from engine.errors import DatasetError
from engine.records import Dataset, Evaluation, ImageRecord
from engine.runs.imports import import_dataset
from engine.store.repository import Repository

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Materials:
    """A detector and the images that it is attacked or judged on.

    Attributes:
        dataset: as it was read, with its repairs.
        detector: frozen, on its device.
        classes: the dataset's classes under attack, and the one that they are for the detector.
        records: the images taken, with the boxes of those classes alone, numbered as the detector does.
    """

    dataset: Dataset
    detector: UltralyticsDetector
    classes: ClassMatch
    records: tuple[ImageRecord, ...]

    @property
    def class_id(self) -> int:
        """The class under attack, as the detector numbers it."""
        return self.classes.detector_id

    def loader(self, image_size: int) -> ImageLoader:
        """A loader of the records onto the detector's device."""
        return ImageLoader(
            self.records,
            image_size=image_size,
            stride_px=self.detector.stride_px,
            device=self.detector.device,
        )

    def named(self, evaluation: Evaluation) -> Evaluation:
        """Scores on these images, with the dataset and its classes among their settings."""
        facts = {"dataset": self.dataset.name, "classes": self.classes.to_json()}
        return replace(evaluation, settings=evaluation.settings | facts)


def gather(config: RunConfig, *, trust: bool = False, fuse: bool = True) -> Materials:
    """Open the dataset and the detector that the settings name and take the images of their classes.

    Args:
        config: dataset, weights, classes, device, `max_images`, `include_empty` and seed are looked at.
        trust: open the weights whatever their pickle names.
        fuse: fold batch norm into the convolutions.

    Raises:
        DatasetError: no such dataset, or no object of the classes in it.
        DetectorError: no such weights, damaged, or without the class.
        SettingsError: several classes of the dataset, and none of the detector.
        UntrustedWeightsError, DeviceError, StorageError: see those.
    """
    dataset = open_dataset(config.dataset)
    require_objects(dataset, config.class_names)  # before the detector is loaded, which takes longer
    detector = load_detector(config.weights, device=config.device, trust=trust, fuse=fuse)
    classes = matched(dataset, detector, config.class_names, config.detector_class)
    records = [of_classes(record, classes.dataset_ids, classes.detector_id) for record in dataset.images]
    if not config.include_empty:
        records = [record for record in records if record.count()]
    return Materials(
        dataset=dataset,
        detector=detector,
        classes=classes,
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
        dataset = import_dataset(repository.datasets.save, source)
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


def require_objects(dataset: Dataset, wanted: Sequence[str]) -> tuple[int, ...]:
    """The dataset's own numbers of classes that it has objects of, together.

    Raises:
        DatasetError: it knows no such class or has no object of any of them.
    """
    ids = dataset_class_ids(dataset.class_names, wanted, dataset=dataset.name)
    if not any(dataset.object_counts(ids)):
        names = " or ".join(map(repr, wanted))
        raise DatasetError(
            f"dataset {dataset.name}: expected objects of class {names}, got none in "
            f"{len(dataset.images)} images; choose another --class or --dataset"
        )
    return ids


def matched(
    dataset: Dataset, detector: Detector, wanted: Sequence[str], detector_wanted: str = ""
) -> ClassMatch:
    """The classes of both, resolved; arguments and errors as of `engine.classes.match_classes`."""
    return match_classes(
        dataset.class_names,
        detector.class_names,
        wanted,
        detector_wanted,
        dataset=dataset.name,
        detector=detector.name,
    )


def of_classes(record: ImageRecord, class_ids: Sequence[int], renamed: int) -> ImageRecord:
    """An image with the boxes of some classes alone, which all get one number."""
    keep = np.isin(record.class_ids, class_ids)
    return replace(
        record,
        boxes_xyxy_px=record.boxes_xyxy_px[keep],
        class_ids=np.full(int(keep.sum()), renamed, dtype=np.int64),
    )


def _some_of(records: list[ImageRecord], limit: int, seed: int) -> list[ImageRecord]:
    if not limit or limit >= len(records):
        return records
    chosen = np.random.default_rng(seed).choice(len(records), size=limit, replace=False)
    return [records[index] for index in sorted(chosen.tolist())]
