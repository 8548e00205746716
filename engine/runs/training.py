# SPDX-License-Identifier: AGPL-3.0-only
"""The training of a detector in its folder: materials, course, results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.classes import dataset_class_ids
from engine.config import DefenceTrainingConfig, TrainingConfig
from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detector
from engine.detectors.device import choose_device
from engine.detectors.loading import load_detector
from engine.detectors.training import Alteration, TrainingTask
from engine.errors import DatasetError, StorageError
from engine.evaluation.detector_score import detector_ap50
from engine.patch.memory import peak_memory_bytes
from engine.patch.precision import choose_precision
from engine.private import shared_outside_home
from engine.records import Dataset, ImageRecord
from engine.registries import AUTO
from engine.runs import run_folder
from engine.runs.imports import open_dataset
from engine.runs.materials import fingerprint, require_same
from engine.runs.paths import absolute_config
from engine.runs.selection import parted, some_of
from engine.runs.summary import circumstances
from engine.runs.training_course import (
    AP50,
    BEST,
    LAST,
    TrainingCourse,
    TrainingObserver,
    TrainingState,
    read_checkpoint,
)
from engine.runs.training_start import TrainingStart, training_start

SUMMARY = "training.json"
DESCRIPTION = "Trained by PatchBench; training.json next to it records the training."


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingMaterials:
    """The images that a detector is trained and validated on; class ids are indices of `class_names`.

    Attributes:
        dataset: name, source and whether it is synthetic.
        class_names: what is learned.
        training, held_out: the images; either may be those of another split.
    """

    dataset: Mapping[str, Any]
    class_names: tuple[str, ...]
    training: Sequence[ImageRecord]
    held_out: Sequence[ImageRecord]


def train(
    config: TrainingConfig,
    folder: Path | None = None,
    *,
    materials: TrainingMaterials | None = None,
    description: str = DESCRIPTION,
    observer: TrainingObserver | None = None,
    trust: bool = False,
    alteration: Alteration | None = None,
) -> dict[str, Any]:
    """Train a detector and write its best and last weights, its history and its summary into a folder.

    Args:
        config: the training's settings.
        folder: a new or empty folder; by default one under `PATCHBENCH_HOME/runs`.
        materials: the images, instead of those of the settings' dataset.
        description: written into the weight files.
        observer: callbacks of the training.
        trust: open the weights even if their pickle could run code.
        alteration: changes the images of each step.

    Returns:
        The content of `training.json`.

    Raises:
        EngineError: any failure, in one line.
    """
    config = absolute_config(config)
    start = training_start(config)
    materials = materials or gather_training(config)
    label = f"train-{start.path.stem}"
    with run_folder.created(folder or run_folder.default_folder(label)) as created:
        training = Training(config, start, materials, created, description, trust, alteration)
        return training.run(observer or TrainingObserver())


def resume_training(
    folder: Path,
    *,
    materials: TrainingMaterials | None = None,
    description: str = DESCRIPTION,
    observer: TrainingObserver | None = None,
    trust: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """Resume a training after the last epoch that its checkpoint holds.

    Args:
        folder: the training's folder.
        materials, description, observer, trust: as of `train`.
        device: replaces the original device.

    Raises:
        StorageError: there is no usable checkpoint, or the images or the weights have changed.
        EngineError: any other failure, in one line.
    """
    folder = folder.absolute()
    state, trainer_state, identity = read_checkpoint(folder)
    config = TrainingConfig.from_json(identity["config"])
    if device is not None:
        config = config.changed(device=device)
    start = training_start(config)
    materials = materials or gather_training(config)
    training = Training(config, start, materials, folder, description, trust)
    training.require_same(identity, state)
    with shared_outside_home(folder):
        return training.run(observer or TrainingObserver(), state, trainer_state)


def trained_detector(summary: Mapping[str, Any]) -> Detector:
    """The best detector of a finished training, on its device.

    Args:
        summary: content of `training.json`.
    """
    return load_detector(summary["weights"], device=summary["device"])


def gather_training(config: TrainingConfig | DefenceTrainingConfig) -> TrainingMaterials:
    """Open the dataset of a training, select its classes and images, and hold some out.

    Args:
        config: dataset, classes, `include_empty`, `max_images`, `validation_share` and seed are used.

    Raises:
        DatasetError: there is no such dataset or class, no object of it, or too few images.
        StorageError: the database cannot be used.
    """
    dataset = open_dataset(config.dataset)
    ids = _class_ids(dataset, config.classes)
    names = tuple(dict.fromkeys(dataset.class_names[each] for each in ids))
    numbers = {each: names.index(dataset.class_names[each]) for each in ids}
    records = [renumbered(record, numbers) for record in dataset.images]
    if not config.include_empty:
        records = [record for record in records if record.count()]
    records = some_of(records, config.max_images, config.seed)
    training, held_out = parted(records, config)
    if config.validation_share and not held_out:
        raise DatasetError(
            f"validation: expected at least two images to split, got {len(records)}; "
            "set the validation share to 0"
        )
    return TrainingMaterials(
        dataset={
            "name": dataset.name,
            "source": dataset.source,
            "synthetic": dataset.synthetic,
            "repairs": dataset.repair_counts(),
        },
        class_names=names,
        training=training,
        held_out=held_out,
    )


def course_facts(
    materials: TrainingMaterials, state: TrainingState, device: torch.device, records_sha256: str
) -> dict[str, Any]:
    """What the summary of any training says of its images and its course."""
    return {
        "dataset": {
            **materials.dataset,
            "images": len(materials.training),
            "held_out": len(materials.held_out),
            "objects": sum(record.count() for record in materials.training),
            "records_sha256": records_sha256,
        },
        "device": str(device),
        "elapsed_s": state.elapsed_s,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch or state.epoch,
        "ended": state.ended,
        "image_iterations": state.images,
        "image_iterations_per_s": state.images / state.elapsed_s if state.elapsed_s else math.nan,
        "peak_memory_bytes": peak_memory_bytes(device),
    }


def renumbered(record: ImageRecord, numbers: Mapping[int, int]) -> ImageRecord:
    """An image with only the boxes whose class ids are keys of `numbers`, under the ids that stand there."""
    keep = np.isin(record.class_ids, list(numbers))
    ids = [numbers[each] for each in record.class_ids[keep].tolist()]
    return replace(record, boxes_xyxy_px=record.boxes_xyxy_px[keep], class_ids=np.array(ids, dtype=np.int64))


def _class_ids(dataset: Dataset, classes: Sequence[str]) -> tuple[int, ...]:
    """The ids of the classes to learn, by default of all that have objects."""
    present = {int(each) for record in dataset.images for each in np.unique(record.class_ids)}
    named = [index for index, name in enumerate(dataset.class_names) if name and index in present]
    ids = dataset_class_ids(dataset.class_names, classes, dataset=dataset.name) if classes else tuple(named)
    if not present & set(ids):
        names = " or ".join(map(repr, classes)) or "any class"
        raise DatasetError(
            f"dataset {dataset.name}: expected objects of {names} to learn, got none in "
            f"{len(dataset.images)} images; choose another --class or --dataset"
        )
    return ids


class Training:
    """One training in an existing folder.

    Args:
        config: the training's settings.
        start: what it starts from.
        materials: its images.
        folder: an existing folder.
        description: written into the weight files.
        trust: open the weights even if their pickle could run code.
        alteration: changes the images of each step, for `command`, which goes on with it.
    """

    def __init__(
        self,
        config: TrainingConfig,
        start: TrainingStart,
        materials: TrainingMaterials,
        folder: Path,
        description: str,
        trust: bool,
        alteration: Alteration | None = None,
        command: str = "detector train",
    ) -> None:
        self._config, self._start, self._materials = config, start, materials
        self._folder, self._trust = folder, trust
        self._alteration, self._command = alteration, command
        self._device = choose_device(config.device)
        self._precision = choose_precision(config.precision, self._device)
        # A layout alone has no weights that could change until the training is resumed.
        self._parent = "" if start.architecture else self._loaded(start.path).checksum()
        self._facts = {"description": description, "image_size": config.image_size}
        self._identity: dict[str, Any] = {
            "config": config.to_json(),
            "records_sha256": fingerprint([*materials.training, *materials.held_out]),
            "weights_sha256": self._parent,
        }

    def _loaded(self, path: Path) -> Detector:
        return self._start.family.adapter().load(
            path, device=torch.device("cpu"), trust=self._trust, fuse=True, architecture=AUTO
        )

    def require_same(self, identity: Mapping[str, Any], state: TrainingState) -> None:
        """Raise `StorageError` unless this is the training that a checkpoint belongs to, with its files."""
        parts = {"weights_sha256": "initial weights"}
        require_same(self._folder, "training", self._identity, identity, parts)
        if state.best_epoch and not (self._folder / BEST).is_file():
            raise StorageError(
                f"{self._folder}: expected the best weights so far in {BEST}, found none; "
                "start a new training"
            )

    def run(
        self,
        observer: TrainingObserver,
        state: TrainingState | None = None,
        trainer_state: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Train to the end, write the results, and return the content of `training.json`."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        course = TrainingCourse(
            self._config,
            self._folder,
            score=self._score() if self._materials.held_out else None,
            facts=self._facts,
            identity=self._identity,
            observer=observer,
            state=state,
            alteration=self._alteration,
            command=self._command,
        )
        observer.on_begin(course.state)
        assert self._start.family.trainer is not None
        if not course.state.ended:
            self._start.family.trainer().train(self._task(trainer_state), course)
        return self._finish(course.state)

    def _score(self) -> Callable[[Detector, Callable[[], None]], float]:
        """A function that scores a detector on the images held out, which are read once."""
        held_out = self._materials.held_out
        loaders: dict[int, ImageLoader] = {}

        def score(detector: Detector, stop: Callable[[], None]) -> float:
            stride = detector.stride_px
            if stride not in loaders:
                loaders[stride] = ImageLoader(
                    held_out, image_size=self._config.image_size, stride_px=stride, device=self._device
                )
            return detector_ap50(detector, loaders[stride], range(len(held_out)), stop=stop)

        return score

    def _task(self, trainer_state: dict[str, Any] | None) -> TrainingTask:
        return TrainingTask(
            weights=self._start.path,
            architecture=self._start.architecture,
            trust=self._trust,
            records=self._materials.training,
            class_names=self._materials.class_names,
            config=self._config,
            device=self._device,
            precision=self._precision,
            state=trainer_state,
            alteration=self._alteration,
        )

    def _finish(self, state: TrainingState) -> dict[str, Any]:
        run_folder.write_history(self._folder, state.history)
        trained = self._loaded(self._folder / BEST)
        summary = self._summary(state) | {
            "weights_sha256": trained.checksum(),
            "detector": {
                "name": self._start.path.stem,
                "family": trained.family,
                "class_names": list(trained.class_names),
            },
        }
        run_folder.write_json(self._folder / SUMMARY, summary)
        return summary

    def _summary(self, state: TrainingState) -> dict[str, Any]:
        return {
            **circumstances(self._config),
            "weights": str(self._folder / BEST),
            "weights_last": str(self._folder / LAST),
            "strategy": self._config.strategy,
            "parent": {"weights": self._config.weights, "weights_sha256": self._parent},
            **course_facts(self._materials, state, self._device, self._identity["records_sha256"]),
            "precision": self._precision,
            AP50: state.best_ap50 if state.best_epoch else state.last_ap50,
            "ap50_last": state.last_ap50,
        }
