# SPDX-License-Identifier: AGPL-3.0-only
"""Loads the subject of a run: the detector, and the dataset's images of the classes under attack."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.classes import ClassMatch, dataset_class_ids, match_classes
from engine.config import RunConfig
from engine.datasets.loader import ImageLoader
from engine.defences.kinds import defended
from engine.detectors.base import Detector
from engine.detectors.ensemble import Attacked, Ensemble, Member
from engine.detectors.loading import load_configured, load_detector
from engine.errors import DatasetError, StorageError
from engine.records import Dataset, Evaluation, ImageRecord
from engine.runs.imports import open_dataset
from engine.runs.outcomes import located
from engine.runs.selection import some_of


@dataclass(frozen=True, kw_only=True)
class Materials:
    """A detector and the images on which it is attacked or evaluated.

    Attributes:
        dataset: as read, with its repairs.
        detector: frozen, on its device; the first of several.
        classes: the dataset's classes under attack, and the detector's class that they match.
        records: the selected images, with only the boxes of those classes, under the detector's class id.
        further: other detectors under the same attack, each with its class.
        defences: what stands in front of each detector.
    """

    dataset: Dataset
    detector: Detector
    classes: ClassMatch
    records: tuple[ImageRecord, ...]
    further: tuple[tuple[Detector, ClassMatch], ...] = ()
    defences: tuple[str, ...] = ()

    @property
    def class_id(self) -> int:
        """The detector's id of the class under attack."""
        return self.classes.detector_id

    @property
    def attacked(self) -> Attacked:
        """The detector, or all of several."""
        if not self.further:
            return self.detector
        found = ((self.detector, self.classes), *self.further)
        return Ensemble([Member(detector=each, class_id=match.detector_id) for each, match in found])

    def by_detector(self) -> list[Materials]:
        """The same images for each detector alone, under its own class id."""
        alone = replace(self, further=())
        return [
            alone,
            *(
                replace(
                    alone,
                    detector=detector,
                    classes=match,
                    records=tuple(
                        of_classes(record, [self.class_id], match.detector_id) for record in self.records
                    ),
                )
                for detector, match in self.further
            ),
        ]

    def loader(self, image_size: int) -> ImageLoader:
        """Create a loader of the records onto the detector's device."""
        return ImageLoader(
            self.records,
            image_size=image_size,
            stride_px=self.detector.stride_px,
            device=self.detector.device,
        )

    def named(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation with dataset, classes and defences added to its settings, and outcomes by place."""
        facts = {
            "dataset": self.dataset.name,
            "classes": self.classes.to_json(),
            **({"defences": list(self.defences)} if self.defences else {}),
        }
        return replace(
            evaluation,
            settings=evaluation.settings | facts,
            outcomes=located(evaluation.outcomes, self.records, self.dataset),
        )


def gather(config: RunConfig, *, trust: bool = False, fuse: bool = True) -> Materials:
    """Open the dataset and the detector of a run and select the images of its classes.

    Args:
        config: dataset, all weights (architecture and file of classes are the first one's), defences,
            classes, device, `max_images`, `include_empty` and seed are used.
        trust: open the weights even if their pickle could run code.
        fuse: fold batch norm into the convolutions.

    Raises:
        DatasetError: there is no such dataset, or no object of the classes in it.
        DetectorError: the weights are missing, damaged, or lack the class.
        SettingsError: several classes of the dataset, but no class of the detector, were given.
        UntrustedWeightsError, DeviceError, StorageError: see there.
    """
    dataset = open_dataset(config.dataset)
    require_objects(dataset, config.class_names)  # before loading the detector, which takes longer
    first = load_configured(config, trust=trust, fuse=fuse)
    others = [
        load_detector(weights, device=config.device, trust=trust, fuse=fuse)
        for weights in config.further_weights
    ]
    first, *others = (defended(each, config.defences) for each in (first, *others))
    return replace(selected(dataset, first, config, others), defences=config.defences)


def selected(
    dataset: Dataset, detector: Detector, config: RunConfig, others: Sequence[Detector] = ()
) -> Materials:
    """Select the images of a run's classes from a dataset, for detectors that are loaded.

    Args:
        dataset: with an object or more of the classes.
        detector: as loaded.
        config: classes, `max_images`, `include_empty` and seed are used.
        others: further detectors under the same attack.

    Raises:
        DetectorError, SettingsError: see `gather`.
    """
    classes, *further = (
        matched(dataset, each, config.class_names, config.detector_class_of(weights))
        for each, weights in zip((detector, *others), config.all_weights, strict=False)
    )
    records = [of_classes(record, classes.dataset_ids, classes.detector_id) for record in dataset.images]
    if not config.include_empty:
        records = [record for record in records if record.count()]
    return Materials(
        dataset=dataset,
        detector=detector,
        classes=classes,
        records=tuple(some_of(records, config.max_images, config.seed)),
        further=tuple(zip(others, further, strict=True)),
    )


def fingerprint(records: Sequence[ImageRecord]) -> str:
    """SHA-256 of the records' paths, sizes and boxes, which must not change before a run is resumed."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(f"{record.path} {record.width} {record.height}".encode())
        digest.update(record.boxes_xyxy_px.tobytes())
        digest.update(record.class_ids.tobytes())
    return digest.hexdigest()


def require_same(
    folder: Path, what: str, current: Mapping[str, Any], kept: Mapping[str, Any], parts: Mapping[str, str]
) -> None:
    """Raise `StorageError` unless a checkpoint belongs to the images and other files that there are now.

    Args:
        folder: of the checkpoint.
        what: it is of: `run` or `training`.
        current, kept: what identifies it now, and in the checkpoint.
        parts: further keys of these → what they stand for.
    """
    for key, name in {"records_sha256": "images and boxes", **parts}.items():
        if current[key] != kept.get(key, ""):
            raise StorageError(
                f"{folder}: expected the {name} that this {what} started with, got different ones; "
                f"restore them or start a new {what}"
            )


def require_objects(dataset: Dataset, class_names: Sequence[str]) -> tuple[int, ...]:
    """The dataset's ids of some classes, of which it has at least one object in total.

    Raises:
        DatasetError: it has no such class, or no object of any of them.
    """
    ids = dataset_class_ids(dataset.class_names, class_names, dataset=dataset.name)
    if not any(dataset.object_counts(ids)):
        names = " or ".join(map(repr, class_names))
        raise DatasetError(
            f"dataset {dataset.name}: expected objects of class {names}, got none in "
            f"{len(dataset.images)} images; choose another --class or --dataset"
        )
    return ids


def matched(
    dataset: Dataset, detector: Detector, class_names: Sequence[str], detector_class: str = ""
) -> ClassMatch:
    """Match classes of the dataset with one of the detector; see `engine.classes.match_classes`."""
    return match_classes(
        dataset.class_names,
        detector.class_names,
        class_names,
        detector_class,
        dataset=dataset.name,
        detector=detector.name,
    )


def of_classes(record: ImageRecord, class_ids: Sequence[int], new_id: int) -> ImageRecord:
    """An image with only the boxes of some classes, all under one new class id."""
    keep = np.isin(record.class_ids, class_ids)
    return replace(
        record,
        boxes_xyxy_px=record.boxes_xyxy_px[keep],
        class_ids=np.full(int(keep.sum()), new_id, dtype=np.int64),
    )
