# SPDX-License-Identifier: AGPL-3.0-only
"""The training of a defence in its folder: materials, course, defence.json and weights.safetensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from engine.config import DefenceTrainingConfig
from engine.defences.patch_finder import PatchFinder, finder_of, save_finder
from engine.detectors.base import Detector
from engine.detectors.device import choose_device
from engine.detectors.training import EpochResult
from engine.patch.arrays import fingerprint as patch_fingerprint
from engine.private import shared_outside_home
from engine.runs import run_folder
from engine.runs.materials import fingerprint, require_same
from engine.runs.patch_pool import PatchPool, patches_on_record, read_pool
from engine.runs.paths import absolute_config
from engine.runs.segmenter_training import SegmenterTask, held_out_scores, train_segmenter
from engine.runs.summary import circumstances
from engine.runs.training import course_facts, gather_training
from engine.runs.training_course import TrainingCourse, TrainingObserver, TrainingState, read_checkpoint

SUMMARY, WEIGHTS = "defence.json", "weights.safetensors"
IOU = "iou"
"""The name of the validation's score among the terms of an epoch's record."""


def train_defence(
    config: DefenceTrainingConfig,
    folder: Path | None = None,
    *,
    observer: TrainingObserver | None = None,
) -> dict[str, Any]:
    """Train a segmenter and write its weights, its history and its record into a folder.

    Args:
        config: the training's settings; without patches, those on record are learned from.
        folder: a new or empty folder; by default one under `PATCHBENCH_HOME/runs`.
        observer: callbacks of the training.

    Returns:
        The content of `defence.json`; `defence` is what `--defence` takes.

    Raises:
        EngineError: any failure, in one line.
    """
    config = absolute_config(config.changed(patches=config.patches or patches_on_record()))
    training = _Training(config)
    with run_folder.created(folder or run_folder.default_folder("defence-segmenter")) as created:
        return training.run(created, observer or TrainingObserver())


def resume_defence_training(
    folder: Path, *, observer: TrainingObserver | None = None, device: str | None = None
) -> dict[str, Any]:
    """Resume a training after the last epoch that its checkpoint holds, to the same bits.

    Args:
        folder: the training's folder.
        observer: as of `train_defence`.
        device: replaces the original device.

    Raises:
        StorageError: there is no usable checkpoint, or the images or the patches have changed.
        EngineError: any other failure, in one line.
    """
    folder = folder.absolute()
    state, trainer_state, identity = read_checkpoint(folder)
    config = DefenceTrainingConfig.from_json(identity["config"])
    if device is not None:
        config = config.changed(device=device)
    training = _Training(config)
    require_same(folder, "training", training.identity, identity, {"patches_sha256": "patches"})
    with shared_outside_home(folder):
        return training.run(folder, observer or TrainingObserver(), state, trainer_state)


class _Course(TrainingCourse):
    """A course whose best weights wait in the checkpoint until the end, when they are written once."""

    best: dict[str, Tensor]

    def epoch_done(self, result: EpochResult) -> bool:
        """Score an epoch, keep it, and decide whether another one follows."""
        weights = result.weights()["finder"]
        state = result.state

        def kept() -> dict[str, Any]:
            if self.state.best_epoch == self.state.epoch:
                self.best = weights
            return {**state(), "best": self.best}

        return super().epoch_done(EpochResult(detector=result.detector, weights=result.weights, state=kept))

    def _write_weights(self, result: EpochResult, *, best: bool) -> None:
        return


class _Training:
    """One training, whose images and patches are read before its folder is made.

    Attributes:
        identity: its settings, images and patches, as checkpoints hold them.
    """

    def __init__(self, config: DefenceTrainingConfig) -> None:
        self._config = config
        self._materials = gather_training(config)
        self._pool = read_pool(config.patches)
        self._device = choose_device(config.device)
        self.identity: dict[str, Any] = {
            "config": config.to_json(),
            "records_sha256": fingerprint([*self._materials.training, *self._materials.held_out]),
            "patches_sha256": _pool_fingerprint(self._pool),
        }

    def run(
        self,
        folder: Path,
        observer: TrainingObserver,
        state: TrainingState | None = None,
        trainer_state: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Train to the end, write the results, and return the content of `defence.json`."""
        task = self._task(trainer_state)

        def score(finder: Detector, stop: Callable[[], None]) -> float:
            return held_out_scores(cast(PatchFinder, finder), task, stop).iou

        course = _Course(
            self._config,
            folder,
            score=score,
            facts={},
            identity=self.identity,
            observer=observer,
            state=state,
            metric=IOU,
            command="defence train",
        )
        course.best = (trainer_state or {}).get("best", {})
        observer.on_begin(course.state)
        if not course.state.ended:
            train_segmenter(task, course)
        return self._finish(folder, course, task)

    def _task(self, trainer_state: dict[str, Any] | None) -> SegmenterTask:
        learned, held_out = self._pool.parted()
        return SegmenterTask(
            records=self._materials.training,
            held_out=self._materials.held_out,
            pool=learned,
            held_out_pool=held_out,
            config=self._config,
            device=self._device,
            state=trainer_state,
        )

    def _finish(self, folder: Path, course: _Course, task: SegmenterTask) -> dict[str, Any]:
        """Write weights and record; the record last, as what has one is whole."""
        scores = held_out_scores(finder_of(course.best).to(self._device), task)
        summary = self._summary(folder, course.state) | {"validation": asdict(scores)}
        run_folder.write_history(folder, course.state.history)
        facts = {"kind": summary["kind"], "dataset": summary["dataset"]["name"], "seed": summary["seed"]}
        save_finder(folder / WEIGHTS, course.best, facts)
        run_folder.write_json(folder / SUMMARY, summary)
        return summary

    def _summary(self, folder: Path, state: TrainingState) -> dict[str, Any]:
        weights = str(folder / WEIGHTS)
        return {
            **circumstances(self._config),
            "kind": "segmenter",
            "weights": weights,
            "defence": f"segmenter:weights={weights}",
            **course_facts(self._materials, state, self._device, self.identity["records_sha256"]),
            "patches": {"given": len(self._pool.given), "sha256": self.identity["patches_sha256"]},
        }


def _pool_fingerprint(pool: PatchPool) -> str:
    """SHA-256 over all given patches in their order."""
    digest = hashlib.sha256()
    for patch, mask in pool.given:
        digest.update(patch_fingerprint(patch.numpy(), None if mask is None else mask.numpy()).encode())
    return digest.hexdigest()
